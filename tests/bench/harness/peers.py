"""The programs that do the same work: how each is built or installed, what it weighs, and how it is asked."""

import dataclasses
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tomllib

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
MUSL = "x86_64-unknown-linux-musl"
GNU = "x86_64-unknown-linux-gnu"
GROUP = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01"


@dataclasses.dataclass
class Peer:
    """One row. `token` and `arm` are commands; `library` is one that takes `fresh N`, and `cached N` if `caches`."""

    name: str
    size: int
    packages: str
    build_seconds: float | None = None
    token: list | None = None
    arm: list | None = None
    environment: dict = dataclasses.field(default_factory=dict)
    # Reads the stand-in's CA from SSL_CERT_FILE; others find it in the system's bundle.
    takes_ca: bool = False
    needs_login: bool = False
    slow: bool = False
    floor: bool = False
    library: list | None = None
    caches: bool = False


def seconds_of(command, **options):
    """Runs a command: the CPU seconds of it and of all that it started."""

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return spent() - before


def once(directory, reuse, build):
    """The CPU seconds of a build in that directory; with `reuse` of an earlier one, if that came to its end."""
    record = directory / "cpu-seconds"
    if not (reuse and record.exists()):
        shutil.rmtree(directory, ignore_errors=True)
        seconds = build()
        record.write_text(str(seconds))
    return float(record.read_text())


def shipped(kind, directory, *options, reuse=False):
    """azmin, by the script that says how: the program, and CPU seconds."""
    seconds = once(directory, reuse, lambda: seconds_of([BENCH / "build", kind, *options, directory]))
    return directory / MUSL / "release/azmin", seconds


def built(kind, directory, *options):
    """The same without counting: what an earlier build left in the directory is made use of."""
    command = [BENCH / "build", kind, *options, directory]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def clean_environment(**more):
    """Without anybody's settings for daily work."""
    foreign = ("CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"CARGO_INCREMENTAL": "0", "CC_x86_64_unknown_linux_musl": "gcc"} | more


def static_flags():
    """What azmin's static programs are compiled and linked with. Its paths are relative to its own root."""
    with open(ROOT / ".cargo/config.toml", "rb") as file:
        flags = tomllib.load(file)["target"][MUSL]["rustflags"]
    return " ".join(flags).replace(".cargo/", f"{ROOT}/.cargo/")


def cargo(workspace, package, directory, target, profile="release", reuse=False):
    """Builds a package of ours from an empty directory: the program, and CPU seconds."""
    command = ["cargo", "+web", "build", "-q", "--locked", "--profile", profile, "--target", target]
    command += ["--package", package, "--target-dir", directory]
    environment = clean_environment(**({"RUSTFLAGS": static_flags()} if target == MUSL else {}))
    seconds = once(directory, reuse, lambda: seconds_of(command, cwd=BENCH / workspace, env=environment))
    return directory / target / profile / package, seconds


def crates(directory, target, *options):
    """Crates that a program is linked from; packages of the bench itself do not count."""
    command = ["cargo", "+web", "tree", "--locked", "-e", "normal", "--prefix", "none", "--target", target, *options]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=directory).stdout
    names = {line.removesuffix(" (*)") for line in listed.splitlines()}
    return sum(not name.startswith("bench-") for name in names)


def stand_in(directory):
    """The project's own stand-in."""
    command = ["cargo", "build", "-q", "--locked", "--release", "--example", "stand_in", "--features", "simulator"]
    subprocess.run([*command, "--target-dir", directory], check=True, cwd=ROOT)
    return directory / "release/examples/stand_in"


def arm_floor(directory, profile, reuse=False):
    """rustls and nothing else, its versions being azmin's."""
    differing = different_versions()
    if differing:
        sys.exit(f"tests/bench/floors/Cargo.lock has other versions than Cargo.lock: {', '.join(differing)}")
    return cargo("floors", "bench-arm-floor", directory, MUSL, profile, reuse)


def different_versions():
    """Packages of the floors that azmin has in another version, or not at all."""

    def packages(lock):
        return set(re.findall(r'^name = "(.+)"\nversion = "(.+)"$', lock.read_text(), re.MULTILINE))

    of_azmin = packages(ROOT / "Cargo.lock")
    floors = packages(BENCH / "floors/Cargo.lock")
    return sorted(f"{name} {version}" for name, version in floors - of_azmin if not name.startswith("bench-"))


class Peers:
    """Builds and installs in one directory, one after the other."""

    def __init__(self, directory, without, reuse):
        self.directory = directory
        self.without = without
        self.reuse = reuse

    def all(self):
        """Every peer that is not left out."""
        makers = [self.azmin, self.ureq, self.reqsign, self.azure_identity, self.curl, self.python, self.az, self.floors]
        names = {maker.__name__.replace("_", "-") for maker in makers} - {"azmin", "floors"}
        unknown = set(self.without) - names
        if unknown:
            sys.exit(f"--without knows {', '.join(sorted(names))}; not {', '.join(sorted(unknown))}")
        peers = []
        for maker in makers:
            if maker.__name__.replace("_", "-") not in self.without:
                print(f"building {maker.__name__}", file=sys.stderr)
                peers += maker()
        return peers

    def azmin(self):
        """Both commands, as they are shipped and with the standard library made small; and the library."""
        library, _ = cargo("peers", "bench-library", self.directory / "library", GNU, reuse=self.reuse)
        kinds = {"token-only": ["--no-default-features", "--features", "cli"], "full": []}
        builds = {"": ([], ""), "-std": (["--std"], ", std rebuilt")}
        peers = []
        for kind, features in kinds.items():
            for suffix, (options, words) in builds.items():
                program, seconds = shipped(kind, self.directory / f"{kind}{suffix}", *options, reuse=self.reuse)
                count = f"{crates(ROOT, MUSL, *features)} crates"
                name = ("azmin" if kind == "full" else "azmin, token-only") + words
                peer = Peer(name, os.path.getsize(program), count, seconds, [program, "token"])
                peer.arm = [program, "get", GROUP] if kind == "full" else None
                peer.takes_ca = True
                peers.append(peer)
        peers[0].library, peers[0].caches = [library], True
        return peers

    def ureq(self):
        peer = self.rust("ureq + serde_json", "bench-ureq", MUSL, arm=True)
        peer.takes_ca = True
        return [peer]

    def reqsign(self):
        return [self.rust("reqsign + reqwest", "bench-reqsign", GNU, arm=False)]

    def azure_identity(self):
        return [self.rust("azure_identity + reqwest", "bench-azure-identity", GNU, arm=True, caches=True)]

    def rust(self, name, package, target, arm, caches=False):
        """A package of the workspace of peers."""
        program, seconds = cargo("peers", package, self.directory / package, target, reuse=self.reuse)
        count = f"{crates(BENCH / 'peers', target, '--package', package)} crates"
        peer = Peer(name, os.path.getsize(program), count, seconds, [program, "token"], [program, "arm"] if arm else None)
        if target == GNU:
            library = program
        else:
            # Only the allocator of a dynamic libc can be watched.
            library, _ = cargo("peers", package, self.directory / f"{package}-gnu", GNU, reuse=self.reuse)
        peer.library, peer.caches = [library], caches
        return peer

    def curl(self):
        programs = [shutil.which("curl"), shutil.which("jq")]
        listed = subprocess.run(["ldd", *programs], check=True, stdout=subprocess.PIPE, text=True).stdout
        libraries = {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", listed)}
        libraries = {path for path in libraries if not re.search(r"/(libc\.so|libc-|ld-)", path)}
        size = sum(os.path.getsize(path) for path in [*programs, *libraries])
        scripts = BENCH / "scripts"
        return [
            Peer(
                "curl + jq",
                size,
                f"2 programs, {len(libraries)} libraries",
                token=["/bin/sh", scripts / "curl-token"],
                arm=["/bin/sh", scripts / "curl-arm"],
                environment={"PATH": "/usr/bin:/bin"},
                slow=True,
            )
        ]

    def python(self):
        python, size, count = self.installed("python")
        script = BENCH / "scripts/identity.py"
        return [
            Peer(
                "Python: azure-identity + requests",
                size,
                count,
                token=[python, script, "token"],
                arm=[python, script, "arm"],
                environment={"REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"},
                slow=True,
            )
        ]

    def az(self):
        python, size, count = self.installed("az")
        az = [python, "-sm", "azure.cli"]
        return [
            Peer(
                "az",
                size,
                count,
                token=[*az, "account", "get-access-token", "--query", "accessToken", "-o", "tsv"],
                arm=[*az, "rest", "--url", f"https://management.azure.com{GROUP}"],
                environment={
                    "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
                    "AZURE_CORE_COLLECT_TELEMETRY": "no",
                    "PATH": "/usr/bin:/bin",
                },
                needs_login=True,
                slow=True,
            )
        ]

    def installed(self, name):
        """Python packages in a directory of their own, at the versions that are written down."""
        directory = self.directory / name
        wanted = BENCH / f"scripts/{name}.txt"
        done = directory / "installed.txt"
        if not (done.exists() and done.read_text() == wanted.read_text()):
            shutil.rmtree(directory, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", directory], check=True)
            install = [directory / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            # Modules are compiled now, as they are after the first use.
            subprocess.run([*install, "--compile", "-r", wanted], check=True)
            shutil.copyfile(wanted, done)
        packages = len(re.findall(r"^\S+==", wanted.read_text(), re.MULTILINE))
        listed = subprocess.run(["du", "-sb", directory], check=True, stdout=subprocess.PIPE, text=True).stdout
        return directory / "bin/python", int(listed.split()[0]), f"{packages} packages"

    def floors(self):
        """What there is to pay at least."""
        raw = self.directory / "raw"
        options = ["-Os", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-s"]
        options += ["-Wl,--build-id=none", "-Wl,-z,noseparate-code"]
        seconds = seconds_of(["gcc", *options, "-o", raw, BENCH / "floors/raw.c"])
        peers = [Peer("C, system calls alone", os.path.getsize(raw), "none", seconds, [raw])]
        program, seconds = cargo("floors", "bench-token-floor", self.directory / "token-floor", MUSL, "small", self.reuse)
        peers.append(Peer("Rust, std alone, opt-level z", os.path.getsize(program), "0 crates", seconds, [program]))
        count = f"{crates(BENCH / 'floors', MUSL, '--package', 'bench-arm-floor')} crates"
        for profile, level in (("small", "z"), ("release", "3")):
            program, seconds = arm_floor(self.directory / f"arm-floor-{level}", profile, self.reuse)
            size = os.path.getsize(program)
            peers.append(Peer(f"Rust, rustls alone, opt-level {level}", size, count, seconds, arm=[program]))
        for peer in peers:
            peer.floor = peer.takes_ca = True
        return peers
