#!/usr/bin/env python3
"""Measures ccmd beside Debian's Prometheus: both scrape the same targets at the same time.

Usage: bench/prometheus.py [--ccmd PATH] [--targets N] [--series N] [--interval S] [--seconds N] [--plain]

A target is a port of this script. Of its series 40 in 100 never change, 40 are counters that rise,
20 are gauges that wander; a request is answered compressed when the scraper asks for that, as
exporters do, unless --plain is given. Both scrapers keep everything on disk.

Prints for both: processor time and resident memory over the measured seconds, and bytes on disk for
each sample. What a Prometheus holds for its first two hours is a log; its compacted form is measured
by a snapshot of the head. Standard library only.
"""

import argparse
import gzip
import json
import os
import random
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
WARM_UP = 30


class Target:
    """What one exporter says, as a function of time."""

    def __init__(self, number, series):
        rng = random.Random(number)
        self.rng = rng
        self.lines = []
        families = max(series // 20, 1)
        for index in range(series):
            family, item = index % families, index // families
            kind = family % 5
            name = ("demo_limit_bytes", "demo_size_bytes", "demo_requests_total", "demo_seconds_total", "demo_level")[kind]
            labels = f'device="disk{item}",group="g{family}",mode="read"'
            start = rng.randrange(10**6)
            self.lines.append([kind, f"{name}_{family}{{{labels}}} ", start, rng.randrange(1, 200)])

    def text(self):
        rng, parts = self.rng, []
        for line in self.lines:
            kind, key, value, rate = line
            if kind == 2:
                value += rng.randrange(rate + 1)
            elif kind == 3:
                value = round(value + rng.random() * rate / 10, 2)
            elif kind == 4:
                value = round(value + rng.uniform(-1, 1), 2)
            line[2] = value
            parts.append(f"{key}{value}\n")
        return "".join(parts).encode()


class Targets(threading.Thread):
    """All targets, served by one thread. An answer is made anew for each request."""

    def __init__(self, options):
        super().__init__(daemon=True)
        self.plain = options.plain
        self.selector = selectors.DefaultSelector()
        self.ports, self.scrapes = [], {"ccmd": 0, "Prometheus": 0}
        for number in range(options.targets):
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            listener.setblocking(False)
            self.ports.append(listener.getsockname()[1])
            self.selector.register(listener, selectors.EVENT_READ, Target(number, options.series))

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if isinstance(key.data, Target):
                    connection, _ = key.fileobj.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.selector.register(connection, selectors.EVENT_READ, (key.data, bytearray()))
                else:
                    self.answer(key.fileobj, *key.data)

    def answer(self, connection, target, received):
        try:
            data = connection.recv(65536)
            received += data
            if data and b"\r\n\r\n" in received:
                head = bytes(received).lower()
                received.clear()
                self.send(connection, target, head)
            if data:
                return
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()

    def send(self, connection, target, head):
        for name in self.scrapes:
            self.scrapes[name] += f"user-agent: {name.lower()}/".encode() in head
        body, encoding = target.text(), ""
        if not self.plain and re.search(rb"accept-encoding:[^\r]*gzip", head):
            body, encoding = gzip.compress(body, 6), "Content-Encoding: gzip\r\n"
        top = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{encoding}Content-Length: {len(body)}\r\n\r\n"
        connection.setblocking(True)
        connection.sendall(top.encode() + body)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rsplit(b")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE / 2**20


def size_of(*folders):
    """Bytes of the files below folders, as much of them as takes room."""
    files = (os.path.join(top, name) for folder in folders for top, _, names in os.walk(folder) for name in names)
    total = 0
    for file in files:
        try:
            stat = os.lstat(file)
            total += min(stat.st_size, stat.st_blocks * 512)
        except FileNotFoundError:
            pass
    return total


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def get(url, data=None):
    with urllib.request.urlopen(url, data=data, timeout=60) as answer:
        return answer.read().decode()


def metric(text, name):
    """The sum of a metric's samples."""
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
    return sum(map(float, found))


class Prometheus:
    name = "Prometheus"

    def __init__(self, home, ports, interval):
        program = shutil.which("prometheus")
        if not program:
            sys.exit("prometheus is missing; install the Debian package prometheus")
        self.data, self.port = f"{home}/prometheus", free_port()
        targets = json.dumps([f"127.0.0.1:{port}" for port in ports])
        with open(f"{home}/prometheus.yml", "w") as file:
            file.write(f"global: {{scrape_interval: {interval}s}}\n")
            file.write(f"scrape_configs:\n- job_name: bench\n  static_configs:\n  - targets: {targets}\n")
        self.process = subprocess.Popen(
            [program, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={self.data}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-admin-api"],
            stdout=subprocess.DEVNULL, stderr=open(f"{home}/prometheus.log", "w"))

    def samples(self):
        return metric(get(f"http://127.0.0.1:{self.port}/metrics"), "prometheus_tsdb_head_samples_appended_total")

    def disk(self):
        """Bytes a sample of the log and of blocks."""
        samples, log = self.samples(), size_of(self.data)
        answer = json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/admin/tsdb/snapshot", data=b""))
        blocks = size_of(f"{self.data}/snapshots/{answer['data']['name']}")
        return log / samples, blocks / samples


class Ccmd:
    name = "ccmd"

    def __init__(self, home, ports, interval, program):
        self.data, config, self.port = f"{home}/ccm", f"{home}/config", free_port()
        for folder in ("sources", "egress"):
            os.makedirs(f"{config}/{folder}")
        with open(f"{config}/egress/bench.toml", "w") as file:
            file.write('[[allow]]\nhost = "127.0.0.1"\nports = "*"\n')
        for number, port in enumerate(ports):
            with open(f"{config}/sources/target-{number}.toml", "w") as file:
                file.write(f'type = "prometheus"\ninterval = "{interval}s"\n[prometheus]\nurl = "http://127.0.0.1:{port}"\n')
        # The host is no target: Prometheus does not read it either.
        with open(f"{config}/sources/host.toml", "w") as file:
            file.write("enabled = false\n")
        with open(f"{home}/ccmd.toml", "w") as file:
            file.write(f'data_directory = "{self.data}"\nconfig_directory = "{config}"\nsocket = "{home}/run/ccmd.sock"\n')
            file.write(f'[log]\nlevel = "warn"\n[metrics]\nlisten = "127.0.0.1:{self.port}"\n')
        os.makedirs(f"{home}/run", mode=0o700)
        self.process = subprocess.Popen(
            [program, "--config", f"{home}/ccmd.toml"], stdout=subprocess.DEVNULL, stderr=open(f"{home}/ccmd.log", "w"))

    def samples(self):
        return metric(get(f"http://127.0.0.1:{self.port}/metrics"), "ccmd_samples_total")

    def disk(self):
        """Bytes a sample of all, and without the newest, which are not sealed yet."""
        samples, history = self.samples(), f"{self.data}/history"
        return size_of(history) / samples, size_of(f"{history}/raw", f"{history}/minute", f"{history}/hour") / samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ccmd", default="target/release/ccmd")
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--plain", action="store_true", help="targets never compress")
    parser.add_argument("--keep", action="store_true", help="leave the directory with logs and data")
    options = parser.parse_args()
    ccmd = os.path.abspath(options.ccmd)
    if not os.access(ccmd, os.X_OK):
        sys.exit(f"{ccmd} is not there; run `cargo build --release --workspace` or say --ccmd PATH")
    home = tempfile.mkdtemp()
    try:
        run(options, ccmd, home)
    finally:
        if options.keep:
            print(f"logs and data are in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)


def run(options, ccmd, home):
    targets = Targets(options)
    targets.start()
    scrapers = [Ccmd(home, targets.ports, options.interval, ccmd), Prometheus(home, targets.ports, options.interval)]
    try:
        time.sleep(WARM_UP)
        pids = [scraper.process.pid for scraper in scrapers]
        before = [(cpu_seconds(pid), scraper.samples()) for pid, scraper in zip(pids, scrapers)]
        scrapes, begin = dict(targets.scrapes), time.monotonic()
        memory = [[] for _ in pids]
        while (now := time.monotonic()) < begin + options.seconds:
            for pid, found in zip(pids, memory):
                found.append(resident_mib(pid))
            time.sleep(min(1, begin + options.seconds - now))
        span = time.monotonic() - begin
        results = {}
        for pid, scraper, (cpu, samples), resident in zip(pids, scrapers, before, memory):
            results[scraper.name] = {
                "cpu %": (cpu_seconds(pid) - cpu) / span * 100,
                "resident MiB": statistics.median(resident),
                "most MiB": max(resident),
                "samples/s": (scraper.samples() - samples) / span,
                "scrapes": targets.scrapes[scraper.name] - scrapes[scraper.name],
            }
        for scraper in scrapers:
            results[scraper.name]["disk"] = scraper.disk()
        report(options, results)
    finally:
        for scraper in scrapers:
            scraper.process.send_signal(signal.SIGTERM)
        for scraper in scrapers:
            scraper.process.wait()


def report(options, results):
    answers = "never compressed" if options.plain else "compressed for those who ask for it"
    print(f"{options.targets} targets x {options.series} series, every {options.interval} s, {options.seconds} s, {answers}")
    print(f"{'':11} {'cpu':>8} {'resident':>11} {'at most':>11} {'samples/s':>10} {'scrapes':>8} {'disk B/sample':>24}")
    words = {"ccmd": ("all", "sealed"), "Prometheus": ("log", "blocks")}
    for name, result in results.items():
        disk = ", ".join(f"{size:.2f} {word}" for size, word in zip(result["disk"], words[name]))
        print(
            f"{name:11} {result['cpu %']:>6.2f} % {result['resident MiB']:>7.1f} MiB {result['most MiB']:>7.1f} MiB "
            f"{result['samples/s']:>10.0f} {result['scrapes']:>8} {disk:>24}"
        )
    ours, theirs = results["ccmd"], results["Prometheus"]
    ratios = [f"{word} {ours[key] / theirs[key]:.2f}" for word, key in (("cpu", "cpu %"), ("resident", "resident MiB"))]
    ratios.append(f"bytes on disk {ours['disk'][0] / theirs['disk'][0]:.2f} of the log")
    print(f"ratio ccmd / Prometheus: {', '.join(ratios)} (to reach: cpu <= 0.5, resident <= 0.5, bytes <= 1)")


if __name__ == "__main__":
    main()
