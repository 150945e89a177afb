"""packages.sh on made-up machines: its commands are replaced by ones that write down the call."""

import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("packages.sh")
TOOLS = ["bash", "grep", "awk", "cat", "env"]


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = pathlib.Path(folder.name)
        self.log = self.bin / "log"
        self.log.touch()
        for tool in TOOLS:
            found = subprocess.run(["which", tool], check=True, capture_output=True, text=True)
            (self.bin / tool).symlink_to(found.stdout.strip())

    def command(self, name, body):
        path = self.bin / name
        path.write_text(f"#!{self.bin}/bash\n{body}\n")
        path.chmod(0o755)

    def debian(self, installed="", user=0, apt="", compiler="exit 1"):
        """A Debian on which `installed` packages are there; `apt` runs inside apt-get."""
        names = " ".join(installed.split())
        self.command("dpkg-query", f'for p in {names}; do echo "installed $p"; done; exit 1')
        self.command("apt-get", f'echo "apt-get $*" >>{self.log}\n{apt}')
        self.command("id", f"echo {user}")
        self.command("gcc", compiler)

    def run_script(self, *arguments, **environment):
        done = subprocess.run([SCRIPT, *arguments], env={"PATH": str(self.bin), **environment},
                              capture_output=True, text=True, check=False)
        calls = [call for call in self.log.read_text().splitlines() if " -s " not in call]
        return done, calls

    def test_nothing_missing_is_silent(self):
        self.debian(installed="libcmocka-dev python3")
        done, calls = self.run_script("unit")
        self.assertEqual((done.returncode, done.stdout + done.stderr, calls), (0, "", []))

    def test_headers_that_the_compiler_finds_need_no_package(self):
        self.debian(compiler="exit 0")
        done, calls = self.run_script("build")
        self.assertEqual((done.returncode, done.stdout + done.stderr, calls), (0, "", []))

    def test_root_installs_exactly_what_is_missing_and_says_why(self):
        self.debian(installed="libzstd-dev libxxhash-dev libroaring-dev librdkafka-dev "
                              "libavro-dev libcurl4-openssl-dev zlib1g-dev libsqlite3-dev")
        done, calls = self.run_script("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("installing 2 missing", done.stderr)
        self.assertRegex(done.stderr, r"libyajl-dev +JSON")
        self.assertEqual(len(calls), 1)
        self.assertIn("--no-install-recommends libyajl-dev libinih-dev", calls[0])

    def test_package_left_half_installed_counts_as_missing(self):
        self.debian()
        self.command("dpkg-query", "echo 'installed python3'; echo 'half-configured libcmocka-dev'")
        _, calls = self.run_script("unit")
        self.assertIn("--no-install-recommends libcmocka-dev", calls[0])

    def test_lists_are_fetched_first_where_a_package_is_unknown(self):
        self.debian(apt='case "$*" in -s*) exit 100 ;; esac')
        _, calls = self.run_script("unit")
        self.assertIn(" update", calls[0])
        self.assertIn(" install ", calls[1])
        self.assertEqual(len(calls), 2)

    def test_lists_are_fetched_where_a_download_fails_and_the_second_try_counts(self):
        self.debian(apt='case "$*" in -s* | *update*) ;; *) exit 100 ;; esac')
        done, calls = self.run_script("unit")
        self.assertEqual([" update" in call for call in calls], [False, True, False])
        self.assertNotEqual(done.returncode, 0)

    def test_others_than_root_go_through_sudo(self):
        self.debian(user=1000)
        self.command("sudo", f'echo "sudo $*" >>{self.log}\n"$@"')
        done, calls = self.run_script("unit")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sudo env DEBIAN_FRONTEND=noninteractive apt-get", calls[0])

    def test_neither_root_nor_sudo_is_an_error_that_says_what_to_run(self):
        self.debian(user=1000)
        done, calls = self.run_script("unit")
        self.assertEqual(done.returncode, 77)
        self.assertIn("as root, run:", done.stderr)
        self.assertIn("libcmocka-dev python3", done.stderr)
        self.assertEqual(calls, [])

    def test_other_systems_are_told_what_to_install(self):
        self.command("gcc", "exit 1")
        done, _ = self.run_script("build")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libzstd-dev", done.stderr)

    def test_unknown_step_is_a_usage_error(self):
        self.debian()
        done, calls = self.run_script("all")
        self.assertEqual((done.returncode, calls), (64, []))


if __name__ == "__main__":
    unittest.main()
