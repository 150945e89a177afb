"""Headless Chromium: pictures of a page as numbers, and what a page measures of itself.

CHROMIUM  the browser; default `chromium` in PATH
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import zlib

from tests.cli.support import IS_CI, skip_loudly

TIMEOUT_SECONDS = 90
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--no-default-browser-check", "--hide-scrollbars"]
DARK = "--blink-settings=preferredColorScheme=0"


def find():
    """The browser's path; skips the test where there is none, and fails in CI."""
    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if path is None:
        reason = "Chromium is missing (make deps-tools, or CHROMIUM=path): nobody looks at the page"
        if IS_CI:
            raise AssertionError(reason)
        skip_loudly(reason)
    return path


def run(folder, *flags):
    """Runs the browser with a profile in `folder`; returns what it prints."""
    process = subprocess.Popen(
        [find(), *FLAGS, f"--user-data-dir={folder / 'profile'}", *map(str, flags)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=dict(os.environ, HOME=str(folder), XDG_CONFIG_HOME=str(folder),
                 XDG_CACHE_HOME=str(folder)))
    try:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if process.returncode != 0:
        raise AssertionError(f"Chromium: exit {process.returncode}\n{err.decode(errors='replace')}")
    return out.decode("utf-8", errors="replace")


def unfilter(kind, line, above, step):
    """One line of a PNG as its pixels' bytes (PNG specification, section 9)."""
    if kind == 0:
        return line
    if kind == 2:
        return bytearray((a + b) & 255 for a, b in zip(line, above))
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[i]) // 2
        else:
            corner = above[i - step] if i >= step else 0
            a, b, c = abs(above[i] - corner), abs(left - corner), abs(left + above[i] - 2 * corner)
            guess = left if a <= b and a <= c else above[i] if b <= c else corner
        line[i] = (line[i] + guess) & 255
    return line


class Picture:
    """A PNG of 8 bits a channel, RGB or RGBA, as lines of bytes."""

    def __init__(self, data):
        assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + size]
            if kind == b"IHDR":
                self.width, self.height, bits, colour, *rest = struct.unpack(">IIBBBBB", body)
                assert bits == 8 and colour in (2, 6) and rest == [0, 0, 0], "an unusual PNG"
                self.step = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += body
            at += 12 + size
        raw, stride = zlib.decompress(packed), self.width * self.step
        self.lines, above = [], bytearray(stride)
        for y in range(self.height):
            start = y * (stride + 1)
            line = bytearray(raw[start + 1:start + 1 + stride])
            above = unfilter(raw[start], line, above, self.step)
            self.lines.append(above)

    def pixel(self, x, y):
        return tuple(self.lines[y][x * self.step:x * self.step + 3])

    def colours(self):
        """How many pixels have each colour, of every second line."""
        counts = {}
        for line in self.lines[::2]:
            for i in range(0, len(line), self.step):
                colour = bytes(line[i:i + 3])
                counts[colour] = counts.get(colour, 0) + 1
        return counts


def picture(folder, page, width, height, dark=False):
    """What a window of this size shows of the top of the page."""
    path = folder / "picture.png"
    path.unlink(missing_ok=True)
    run(folder, f"--window-size={width},{height}", *([DARK] if dark else []),
        f"--screenshot={path}", page.as_uri())
    return Picture(path.read_bytes())


PROBE = """<!DOCTYPE html><meta charset="utf-8"><title>no answer</title>
<iframe width="{width}" height="800" style="border:0" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const page = frames[0].document, edge = frames[0].innerWidth + 0.5;
  const wide = [...page.querySelectorAll("*")].filter(
      e => !e.closest(".scroll") && e.getBoundingClientRect().right > edge);
  document.title = [frames[0].innerWidth, page.documentElement.scrollWidth, wide.length,
      page.querySelectorAll("script").length, ...wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80))
      ].join(" ");
}}</script>"""


def measures(folder, page, width):
    """[width of the window, width of the page, elements beyond the window, scripts]; a browser's
    own windows are never as narrow as a phone, its frames are."""
    text = page.read_text(encoding="utf-8")
    for plain, escaped in (("&", "&amp;"), ('"', "&quot;")):
        text = text.replace(plain, escaped)
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(width=width, page=text), encoding="utf-8")
    dom = run(folder, "--window-size=1400,900", "--dump-dom", probe.as_uri())
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL).group(1)
    numbers = re.match(r"(\d+) (\d+) (\d+) (\d+)", title)
    assert numbers, f"the page did not measure itself: {title}"
    return [int(number) for number in numbers.groups()], title
