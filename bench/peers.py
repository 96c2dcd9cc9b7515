#!/usr/bin/env python3
"""Measures ccm beside bottom and btop: same machine, same run, same terminal size, 1 s refresh.

Usage: bench/peers.py [--seconds N] [--runs N] [--ccm PATH] [--size COLSxROWS] [--soak MINUTES]

Prints for each program: time to the first frame with real values, processor time, bytes written to
the terminal a second and resident memory; then ratios. With --soak it only leaves ccm alone for so
long and prints its memory every minute. Standard library only. Programs that are
not installed are left out and named.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
ESCAPES = re.compile(rb"\x1b(\[[0-9;:?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")


class Screen:
    """A program on a pseudo-terminal."""

    def __init__(self, argv, env, size):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        columns, rows = size
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.set_blocking(self.fd, False)
        self.bytes = 0
        self.text = b""

    def read(self, until):
        """Reads until a moment; answers the questions that terminals are asked."""
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self.fd], [], [], left)
            if not ready:
                return
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                continue
            except OSError:
                return
            self.bytes += len(data)
            self.text = (self.text + data)[-262144:]
            self.answer(data)
            yield

    def answer(self, data):
        if b"\x1b[c" in data or b"\x1b[0c" in data:
            os.write(self.fd, b"\x1b[?62;22c")
        if b"\x1b[6n" in data:
            os.write(self.fd, b"\x1b[1;1R")

    def run_for(self, seconds):
        for _ in self.read(time.monotonic() + seconds):
            pass

    def first_frame(self, pattern, limit):
        """Seconds until the pattern was on the screen."""
        for _ in self.read(self.started + limit):
            if re.search(pattern, ESCAPES.sub(b"", self.text)):
                return time.monotonic() - self.started
        return float("nan")

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            self.run_for(0.05)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                break
        else:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rsplit(b")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE / 2**20


class Program:
    def __init__(self, name, argv, pattern, env=None, helper=None):
        self.name, self.argv, self.pattern = name, argv, pattern
        self.env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        self.helper = helper

    def pids(self, screen):
        return [screen.pid] + ([self.helper()] if self.helper else [])

    def measure(self, options):
        frames = []
        for _ in range(options.runs):
            screen = Screen(self.argv, self.env, options.size)
            frames.append(screen.first_frame(self.pattern, 10))
            screen.close()
        screen = Screen(self.argv, self.env, options.size)
        screen.run_for(3)
        pids = self.pids(screen)
        before, written = [cpu_seconds(pid) for pid in pids], screen.bytes
        begin = time.monotonic()
        screen.run_for(options.seconds)
        span = time.monotonic() - begin
        cpu = [after - b for after, b in zip([cpu_seconds(pid) for pid in pids], before)]
        result = {
            "first frame ms": statistics.median(frames) * 1000,
            "cpu %": sum(cpu) / span * 100,
            "bytes/s": (screen.bytes - written) / span,
            "rss MiB": [resident_mib(pid) for pid in pids],
            "cpu parts %": [part / span * 100 for part in cpu],
        }
        screen.close()
        return result


def daemon_pid(ccm, env):
    text = subprocess.run([ccm, "status", "--json"], env=env, capture_output=True, text=True).stdout
    found = re.search(r'"pid": (\d+)', text)
    return int(found.group(1)) if found else None


def btop_env(directory):
    os.makedirs(f"{directory}/btop", exist_ok=True)
    with open(f"{directory}/btop/btop.conf", "w") as file:
        file.write("update_ms = 1000\n")
    return {"XDG_CONFIG_HOME": directory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--ccm", default="target/release/ccm")
    parser.add_argument("--soak", type=int, default=0, metavar="MINUTES")
    parser.add_argument("--size", default="160x50", type=lambda text: tuple(map(int, text.split("x"))))
    options = parser.parse_args()
    ccm = os.path.abspath(options.ccm)
    if not os.access(ccm, os.X_OK):
        sys.exit(f"{ccm} is not there; run `cargo build --release --workspace` or say --ccm PATH")
    with tempfile.TemporaryDirectory() as home:
        (soak if options.soak else run)(options, ccm, home)


def soak(options, ccm, home):
    """Memory over time, of a dashboard that nobody touches and its daemon."""
    os.chmod(home, 0o700)
    env = {**os.environ, **places(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    screen = Screen([ccm], env, options.size)
    screen.run_for(5)
    pids = [screen.pid, daemon_pid(ccm, env)]
    for minute in range(options.soak + 1):
        client, daemon = (resident_mib(pid) for pid in pids)
        print(f"after {minute:>3} min: client {client:.1f} MiB, daemon {daemon:.1f} MiB", flush=True)
        if minute < options.soak:
            screen.run_for(60)
    screen.close()
    subprocess.run([ccm, "daemon", "stop"], env=env, capture_output=True)


def places(home):
    return {"XDG_RUNTIME_DIR": home, "XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config"}


def run(options, ccm, home):
    os.chmod(home, 0o700)
    env = {**os.environ, **places(home)}
    cold = []
    pattern = rb"\d+(\.\d+)? ?%"
    for _ in range(options.runs):
        screen = Screen([ccm], {**env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}, options.size)
        cold.append(screen.first_frame(pattern, 10))
        screen.close()
        subprocess.run([ccm, "daemon", "stop"], env=env, capture_output=True)
    subprocess.run([ccm, "daemon", "start"], env=env, capture_output=True, check=True)
    programs = [Program("ccm", [ccm], pattern, places(home), lambda: daemon_pid(ccm, env))]
    if path := shutil.which("btm"):
        programs.append(Program("bottom", [path, "-r", "1000"], rb"\d+(\.\d+)?%"))
    if path := shutil.which("btop"):
        programs.append(Program("btop", [path, "--utf-force"], rb"\d+ ?%", btop_env(f"{home}/btop")))
    missing = {"bottom", "btop"} - {program.name for program in programs}
    if missing:
        print(f"left out, not installed: {', '.join(sorted(missing))}")
    results = {program.name: program.measure(options) for program in programs}
    subprocess.run([ccm, "daemon", "stop"], env=env, capture_output=True)
    report(options, results, statistics.median(cold) * 1000)


def report(options, results, cold):
    columns, rows = options.size
    print(f"{columns}x{rows}, 1 s refresh, {options.seconds} s, median of {options.runs} starts")
    print(f"{'':8} {'first frame':>12} {'cpu':>8} {'to terminal':>12} {'resident':>10}")
    for name, result in results.items():
        rss = " + ".join(f"{part:.1f}" for part in result["rss MiB"])
        cpu = " + ".join(f"{part:.2f}" for part in result["cpu parts %"])
        print(
            f"{name:8} {result['first frame ms']:>9.1f} ms {result['cpu %']:>6.2f} % "
            f"{result['bytes/s']:>8.0f} B/s {rss:>10} MiB   (cpu {cpu})"
        )
    print(f"ccm, first frame when the daemon must be started: {cold:.0f} ms")
    for name in results.keys() - {"ccm"}:
        ratios = [
            f"{key.rsplit(' ', 1)[0] if key != 'bytes/s' else key} {results['ccm'][key] / max(results[name][key], 1e-9):.2f}"
            for key in ("first frame ms", "cpu %", "bytes/s")
        ]
        print(f"ratio ccm / {name}: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
