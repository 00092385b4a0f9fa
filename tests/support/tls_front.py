"""nginx in front of a site, for tests: with the configuration of docs/serving.md, on free ports, self-signed."""

import datetime
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"
NAME = "lab.example.org"  # as the guide has it
MAIN = """
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/temp_body;
    proxy_temp_path {folder}/temp_proxy;
    fastcgi_temp_path {folder}/temp_fastcgi;
    uwsgi_temp_path {folder}/temp_uwsgi;
    scgi_temp_path {folder}/temp_scgi;
    include {folder}/site.conf;
}}
"""


def nginx() -> str | None:
    """nginx's path; Debian has it where users do not look."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def configuration(plain: int, secure: int, site: int, folder: Path) -> str:
    """The guide's configuration with a test's ports, name and certificate."""
    text: str
    [text] = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        f"https://{NAME}$": f"https://localhost:{secure}$",
        f"server_name {NAME};": "server_name localhost;",
        f"/etc/ssl/certs/{NAME}.pem": f"{folder}/certificate.pem",
        f"/etc/ssl/private/{NAME}.key": f"{folder}/key.pem",
        "http://127.0.0.1:5000;": f"http://127.0.0.1:{site};",
    }
    for old, new in changes.items():
        assert old in text, f"{GUIDE.name} has no {old}"
        text = text.replace(old, new)
    return text


def certify(folder: Path) -> None:
    """Writes a key and a certificate of localhost that is its own authority, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(hours=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def start(program: str, plain: int, secure: int, site: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Starts nginx in front of a site and waits until it listens; RuntimeError with its words if it does not."""
    certify(folder)
    return run(program, configuration(plain, secure, site, folder), secure, folder)


def run(program: str, configured: str, port: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Starts nginx with a configuration and waits until it listens; RuntimeError with its words if it does not."""
    (folder / "site.conf").write_text(configured)
    user = "user root;\n" if os.geteuid() == 0 else ""  # the test's folder is root's then
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder))
    with (folder / "startup.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                process.wait()
                raise RuntimeError((folder / "startup.log").read_text()) from None
            time.sleep(0.05)
