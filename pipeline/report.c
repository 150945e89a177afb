/* `tieflow report`: the page of a study, drawn from its database. */
#include "pipeline/verbs.h"

#include "stages/base/files.h"
#include "stages/report/report_page.h"
#include "stages/sink/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The page beside the database, unless --out says otherwise. */
static struct status page_path_find(const struct options *options, const char *database,
                                    char **path, struct err *err) {
    if (options->out != NULL) {
        *path = strdup(options->out);
        return *path == NULL ? err_memory(err, strlen(options->out), "a path") : status_ok();
    }
    size_t folder_bytes = (size_t)(path_base(database) - database);
    if (asprintf(path, "%.*sreport.html", (int)folder_bytes, database) < 0) {
        *path = NULL;
        return err_memory(err, folder_bytes, "a path");
    }
    return status_ok();
}

struct status verb_report(const struct options *options, struct progress *progress,
                          struct err *err) {
    char *database = NULL;
    char *page = NULL;
    if (options->arguments.count != 1) {
        return err_set(err, FAILURE_USAGE,
                       "report takes one folder of tables, or the %s in it: tieflow report DIR",
                       DATABASE_FILE);
    }
    const char *source = options->arguments.items[0];
    enum path_kind kind;
    struct status status = path_look(source, &kind, err);
    if (!failed(status) && kind == PATH_FOLDER) {
        status = path_join(&database, source, DATABASE_FILE, err);
    } else if (!failed(status)) {
        database = strdup(source);
        status = database == NULL ? err_memory(err, strlen(source), "a path") : status_ok();
    }
    if (!failed(status)) {
        status = page_path_find(options, database, &page, err);
    }
    if (!failed(status)) {
        status = report_page_write(database, page, NULL, err);
    }
    if (!failed(status) && strcmp(page, "-") != 0) {
        progress_note(progress, "report written to %s", page);
    }
    free(page);
    free(database);
    return status;
}
