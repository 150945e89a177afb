/* Reading looks at the first four bytes to tell plain from zstd; what it peeked at stays in the
 * buffer and is served first. Writing goes through one buffer so that small writes are cheap; the
 * rejected alternative, stdio, hides which call failed and cannot be checksummed on the way. */
#include "stages/base/stream.h"

#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is loaded at once; and behind a skip, where a header may be all that is wanted. */
enum { BUFFER_BYTES = 1 << 18, GLANCE_BYTES = 1 << 12 };

/* A file that is read to so much does not stay in the system's memory, which is wanted for what is
 * made of it. */
static const uint64_t CACHED_BYTES = UINT64_C(1) << 30;

struct input {
    char *name;
    int descriptor;            /* -1 for memory */
    uint8_t *buffer;           /* stored bytes not yet served; for memory the caller's */
    size_t at;                 /* next byte in buffer */
    size_t count;              /* end of the bytes in buffer */
    bool stored_end;           /* nothing more to load into buffer */
    bool has_skipped;          /* nothing was loaded since */
    uint64_t loaded_bytes;     /* ever put into buffer */
    struct unpacker *unpacker; /* NULL for plain bytes */
    struct checksum *checksum; /* of all loaded bytes; NULL: nobody asks */
};

/* Takes more bytes from the file, *got of them; none at its end. */
static struct status stored_read(struct input *input, uint8_t *data, size_t capacity, size_t *got,
                                 struct err *err) {
    ssize_t count;
    *got = 0;
    do {
        count = read(input->descriptor, data, capacity);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return err_io(err, errno, "%s: cannot be read", input->name);
    }
    *got = (size_t)count;
    input->stored_end = count == 0;
    input->loaded_bytes += *got;
    if (input->checksum != NULL) {
        checksum_update(input->checksum, data, *got);
    }
    return status_ok();
}

static struct status input_load(struct input *input, struct err *err) {
    if (input->stored_end) {
        return status_ok();
    }
    assert(input->at == input->count || input->at == 0);
    if (input->at == input->count) {
        input->at = 0;
        input->count = 0;
    }
    size_t got;
    size_t most = input->has_skipped ? GLANCE_BYTES : BUFFER_BYTES - input->count;
    TRY(stored_read(input, input->buffer + input->count, most, &got, err));
    input->has_skipped = false;
    input->count += got;
    return status_ok();
}

/* Loads until the kind of the stream is known, and prepares for it. */
static struct status input_recognise(struct input *input, struct err *err) {
    while (input->count < 4 && !input->stored_end) {
        TRY(input_load(input, err));
    }
    if (!compression_is_zstd(input->buffer, input->count)) {
        return status_ok();
    }
    return unpacker_new(&input->unpacker, err);
}

struct status input_open(struct input **input, const char *path, struct err *err) {
    bool is_standard = strcmp(path, "-") == 0;
    struct input *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an input");
    }
    made->name = strdup(is_standard ? "standard input" : path);
    made->buffer = malloc(BUFFER_BYTES);
    made->descriptor = -1;
    struct status status;
    if (made->name == NULL || made->buffer == NULL) {
        TRY_OR(fail, status, err_memory(err, BUFFER_BYTES, "an input"));
    }
    made->descriptor = is_standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (made->descriptor < 0) {
        TRY_OR(fail, status, err_io(err, errno, "%s: cannot be opened for reading", path));
    }
    (void)posix_fadvise(made->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint */
    TRY_OR(fail, status, input_recognise(made, err));
    *input = made;
    return status_ok();
fail:
    if (made->descriptor < 0 && made->buffer != NULL) {
        free(made->buffer);
        made->buffer = NULL;
    }
    input_close(made);
    return status;
}

struct status input_open_memory(struct input **input, const char *name, const void *data,
                                size_t count, struct err *err) {
    struct input *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an input");
    }
    made->descriptor = -1;
    made->stored_end = true;
    made->buffer = (uint8_t *)(uintptr_t)data; /* only read: input_load never runs for memory */
    made->count = count;
    made->loaded_bytes = count;
    made->name = strdup(name);
    struct status status =
        made->name == NULL ? err_memory(err, strlen(name), "an input") : input_recognise(made, err);
    if (failed(status)) {
        input_close(made);
        return status;
    }
    *input = made;
    return status_ok();
}

void input_close(struct input *input) {
    if (input == NULL) {
        return;
    }
    if (input->descriptor >= 0) {
        if (input->loaded_bytes > CACHED_BYTES) {
            (void)posix_fadvise(input->descriptor, 0, 0, POSIX_FADV_DONTNEED); /* a hint */
        }
        (void)close(input->descriptor); /* nothing was written */
        free(input->buffer);
    }
    unpacker_free(input->unpacker);
    checksum_free(input->checksum);
    free(input->name);
    free(input);
}

static struct status read_plain(struct input *input, uint8_t *data, size_t capacity, size_t *count,
                                struct err *err) {
    size_t done = 0;
    while (done < capacity) {
        if (input->at == input->count) {
            if (input->stored_end) {
                break;
            }
            if (capacity - done >= BUFFER_BYTES) { /* large pieces need no way round */
                size_t got;
                TRY(stored_read(input, data + done, capacity - done, &got, err));
                done += got;
                continue;
            }
            TRY(input_load(input, err));
            continue;
        }
        size_t left = input->count - input->at;
        size_t step = left < capacity - done ? left : capacity - done;
        memcpy(data + done, input->buffer + input->at, step);
        input->at += step;
        done += step;
    }
    *count = done;
    return status_ok();
}

static struct status read_packed(struct input *input, uint8_t *data, size_t capacity, size_t *count,
                                 struct err *err) {
    size_t done = 0;
    while (done < capacity) {
        if (input->at == input->count && !input->stored_end) {
            TRY(input_load(input, err));
        }
        size_t used = 0;
        size_t got = 0;
        struct status status =
            unpacker_step(input->unpacker, input->buffer + input->at, input->count - input->at,
                          &used, data + done, capacity - done, &got, err);
        if (failed(status)) {
            err_prefix(err, "%s (near stored byte %llu)", input->name,
                       (unsigned long long)(input->loaded_bytes - (input->count - input->at)));
            return status;
        }
        input->at += used;
        done += got;
        if (used == 0 && got == 0 && input->stored_end) {
            if (!unpacker_is_at_boundary(input->unpacker)) {
                return err_set(err, FAILURE_DATA,
                               "%s: the zstd stream ends too early: the file is truncated; copy or "
                               "produce it again",
                               input->name);
            }
            break;
        }
    }
    *count = done;
    return status_ok();
}

struct status input_read(struct input *input, void *data, size_t capacity, size_t *count,
                         struct err *err) {
    return input->unpacker == NULL ? read_plain(input, data, capacity, count, err)
                                   : read_packed(input, data, capacity, count, err);
}

/* Moves on in the file itself, past what the buffer holds; false where that cannot be. */
static bool stored_skip(struct input *input, uint64_t count) {
    if (input->descriptor < 0 || input->unpacker != NULL || count > INT64_MAX ||
        lseek(input->descriptor, (off_t)count, SEEK_CUR) < 0) {
        return false;
    }
    input->loaded_bytes += count;
    input->has_skipped = true;
    return true;
}

struct status input_skip(struct input *input, uint64_t count, struct err *err) {
    assert(input->checksum == NULL);
    uint8_t dropped[4096];
    while (count > 0) {
        size_t buffered = input->count - input->at;
        if (input->unpacker == NULL && buffered > 0) {
            size_t step = buffered < count ? buffered : (size_t)count;
            input->at += step;
            count -= step;
        } else if (stored_skip(input, count)) {
            return status_ok();
        } else {
            size_t got;
            TRY(input_read(input, dropped, count < sizeof dropped ? (size_t)count : sizeof dropped,
                           &got, err));
            if (got == 0) {
                return status_ok();
            }
            count -= got;
        }
    }
    return status_ok();
}

const char *input_name(const struct input *input) {
    return input->name;
}

uint64_t input_stored_bytes(const struct input *input) {
    return input->loaded_bytes - (input->count - input->at);
}

struct status input_sum(struct input *input, struct err *err) {
    assert(input->checksum == NULL);
    TRY(checksum_new(&input->checksum, err));
    checksum_update(input->checksum, input->buffer, input->count);
    return status_ok();
}

uint64_t input_checksum(const struct input *input) {
    return checksum_value(input->checksum);
}

struct output {
    char *path;
    char *temporary; /* NULL for standard output */
    int descriptor;
    struct packer *packer; /* NULL for plain bytes */
    struct checksum *checksum;
    struct bytes buffer; /* stored bytes not yet written */
    uint64_t written_bytes;
};

struct status output_open(struct output **output, const char *path, bool packed, struct err *err) {
    struct output *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an output");
    }
    made->descriptor = -1;
    bool is_standard = strcmp(path, "-") == 0;
    made->path = strdup(is_standard ? "standard output" : path);
    struct status status;
    if (made->path == NULL || (!is_standard && asprintf(&made->temporary, "%s.tmp", path) < 0)) {
        made->temporary = NULL;
        TRY_OR(fail, status, err_memory(err, strlen(path), "an output"));
    }
    TRY_OR(fail, status, checksum_new(&made->checksum, err));
    if (packed) {
        TRY_OR(fail, status, packer_new(&made->packer, err));
    }
    made->descriptor = is_standard
                           ? dup(STDOUT_FILENO)
                           : open(made->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (made->descriptor < 0) {
        TRY_OR(fail, status,
               err_io(err, errno, "%s: cannot be made",
                      is_standard ? "standard output" : made->temporary));
    }
    *output = made;
    return status_ok();
fail:
    output_discard(made);
    return status;
}

static struct status output_flush(struct output *output, struct err *err) {
    size_t done = 0;
    while (done < output->buffer.count) {
        ssize_t put =
            write(output->descriptor, output->buffer.data + done, output->buffer.count - done);
        if (put < 0 && errno != EINTR) {
            return err_io(err, errno, "%s: cannot be written, nothing was published", output->path);
        }
        done += put < 0 ? 0 : (size_t)put;
    }
    checksum_update(output->checksum, output->buffer.data, output->buffer.count);
    output->written_bytes += output->buffer.count;
    output->buffer.count = 0;
    return status_ok();
}

struct status output_write(struct output *output, const void *data, size_t count, struct err *err) {
    if (output->packer != NULL) {
        TRY(packer_step(output->packer, data, count, false, &output->buffer, err));
    } else {
        TRY(bytes_append(&output->buffer, data, count, err));
    }
    return output->buffer.count >= BUFFER_BYTES ? output_flush(output, err) : status_ok();
}

/* Writes what is left, makes it durable where that is wanted, and gives it its name. */
static struct status output_complete(struct output *output, bool is_synced, struct err *err) {
    if (output->packer != NULL) {
        TRY(packer_step(output->packer, NULL, 0, true, &output->buffer, err));
    }
    TRY(output_flush(output, err));
    if (output->temporary == NULL) {
        return status_ok();
    }
    if (is_synced && fsync(output->descriptor) != 0) {
        return err_io(err, errno, "%s: cannot be made durable", output->path);
    }
    if (rename(output->temporary, output->path) != 0) {
        return err_io(err, errno, "%s: cannot take its name", output->path);
    }
    free(output->temporary);
    output->temporary = NULL;
    return status_ok();
}

static struct status commit(struct output *output, bool is_synced, uint64_t *bytes,
                            uint64_t *checksum, struct err *err) {
    struct status status = output_complete(output, is_synced, err);
    if (!failed(status)) {
        if (bytes != NULL) {
            *bytes = output->written_bytes;
        }
        if (checksum != NULL) {
            *checksum = checksum_value(output->checksum);
        }
    }
    output_discard(output);
    return status;
}

struct status output_commit(struct output *output, uint64_t *bytes, uint64_t *checksum,
                            struct err *err) {
    return commit(output, true, bytes, checksum, err);
}

struct status output_commit_unsynced(struct output *output, uint64_t *bytes, uint64_t *checksum,
                                     struct err *err) {
    return commit(output, false, bytes, checksum, err);
}

void output_discard(struct output *output) {
    if (output == NULL) {
        return;
    }
    if (output->descriptor >= 0) {
        (void)close(output->descriptor); /* what matters was fsynced; the rest is thrown away */
        if (output->temporary != NULL) {
            (void)unlink(output->temporary);
        }
    }
    packer_free(output->packer);
    checksum_free(output->checksum);
    bytes_release(&output->buffer);
    free(output->temporary);
    free(output->path);
    free(output);
}
