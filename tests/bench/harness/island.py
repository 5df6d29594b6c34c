"""A network with `lo` as its only device, on which the metadata service has its true address and Resource Manager its true
name. Nothing there can reach, ask or resolve anything outside, and every process ends with the one that entered."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys

METADATA_SERVICE = "169.254.169.254"
TRUSTED = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")

# In /run lie the sockets of name services, which would lead out.
ENTER = """
    ip link set lo up && ip addr add 169.254.169.254/32 dev lo &&
    mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf &&
    { [ ! -e "$1/trusted.pem" ] || mount --bind "$1/trusted.pem" /etc/ssl/certs/ca-certificates.crt; } &&
    mount -t tmpfs tmpfs /run && shift && exec "$@"
"""


def enter(scratch, command):
    """Runs a command there. Its files are below `scratch`."""
    (scratch / "hosts").write_text("127.0.0.1 localhost management.azure.com\n")
    (scratch / "nsswitch.conf").write_text("hosts: files\n")
    if TRUSTED.exists():
        shutil.copyfile(TRUSTED, scratch / "trusted.pem")
    unshare = ["unshare", "-Urnmpf", "--mount-proc", "--kill-child", "sh", "-c", ENTER, "sh", str(scratch)]
    subprocess.run([*unshare, *command], check=True)


def system_cas():
    """How many the system trusts."""
    return TRUSTED.read_text(encoding="ascii").count("BEGIN CERTIFICATE")


def check():
    """Ends this process unless it is on the island: before this, nothing may be sent."""
    with open("/proc/net/dev", encoding="ascii") as lines:
        devices = [line.split(":")[0].strip() for line in list(lines)[2:]]
    if devices != ["lo"]:
        sys.exit(f"this network is not isolated: it has {', '.join(devices)}")
    with socket.socket() as probe:
        # Nobody binds to an address that is another machine's.
        probe.bind((METADATA_SERVICE, 0))


@contextlib.contextmanager
def azure(stand_in, scratch):
    """The stand-in where the real ones are. Gives its CA's file; the system's bundle trusts it too."""
    check()
    authority = scratch / "ca.pem"
    command = [stand_in, "--ca", authority, "--imds", f"{METADATA_SERVICE}:80", "--arm", "127.0.0.1:443"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        # It says where it listens when it does.
        if not any(line.startswith("export SSL_CERT_FILE=") for line in process.stdout):
            sys.exit("the stand-in did not start")
        if (scratch / "trusted.pem").exists():
            with open(scratch / "trusted.pem", "a", encoding="ascii") as trusted:
                trusted.write(authority.read_text(encoding="ascii"))
        yield authority
    finally:
        process.stdin.close()
        process.wait()


def require(*tools):
    """Ends this process if one of the tools is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        sys.exit(f"{os.path.basename(sys.argv[0])}: missing: {', '.join(missing)}")
