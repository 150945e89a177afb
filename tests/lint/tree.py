"""What the checkers share: the files of the repository, and C text without comments."""

import os
import pathlib
import re
import subprocess

SKIPPED_FOLDERS = {".git", "build", "__pycache__"}


def files(root):
    """Paths, relative to `root` and sorted, of the files that are or could be committed."""
    root = pathlib.Path(root)
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = []
        for folder, subfolders, entries in os.walk(root):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in entries]
    return sorted(pathlib.PurePosixPath(name) for name in set(names) if (root / name).is_file())


def without_comments(text, strings_too=False):
    """C text with comments blanked out, line numbers kept; with `strings_too` also the contents of
    string and character literals."""

    def blank(match):
        piece = match.group(0)
        if piece.startswith("/") or strings_too:
            return re.sub(r"[^\n]", " ", piece)
        return piece

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)
