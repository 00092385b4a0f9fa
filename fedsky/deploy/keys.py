"""A federation's certificate authority, the server's certificate, and the owners' keys."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 825  # of the server's certificate; the authority is valid twice as long
SKEW = timedelta(hours=1)  # by which an owner's clock may be behind
LOCAL = ("127.0.0.1", "localhost")
Key = ec.EllipticCurvePrivateKey


def write(path: Path, content: bytes, secret: bool = False) -> None:
    """Writes a file; a secret one for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644), "wb") as file:
        file.write(content)


def make_authority(folder: Path) -> None:
    """Writes ca.crt, and ca.key, which stays with the server's administrator."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name("fedsky federation")
    uses = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _begun(name, name, key, 2 * VALID_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(uses, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA384())
    )
    write(folder / "ca.key", _private(key, PrivateFormat.PKCS8), secret=True)
    write(folder / "ca.crt", certificate.public_bytes(Encoding.PEM))


def make_server(folder: Path, host: str) -> None:
    """Writes server.crt and server.key for a host's name or address, and for this machine itself."""
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, Key)
    key = ec.generate_private_key(ec.SECP384R1())
    hosts = [_general(each) for each in dict.fromkeys((host, *LOCAL))]
    certificate = (
        _begun(_name(host), authority.subject, key, VALID_DAYS)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, hashes.SHA384())
    )
    write(folder / "server.key", _private(key, PrivateFormat.PKCS8), secret=True)
    write(folder / "server.crt", certificate.public_bytes(Encoding.PEM))


def make_key(private: Path, public: Path) -> None:
    """Writes an owner's key, P-384 in OpenSSH's form, as Flower takes it, and its public part."""
    key = ec.generate_private_key(ec.SECP384R1())
    write(private, _private(key, PrivateFormat.OpenSSH), secret=True)
    write(public, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n")


def public_pem(public: Path) -> bytes:
    """A public key as a SuperLink registers it; ValueError where the file holds none."""
    try:
        key = load_ssh_public_key(public.read_bytes())
    except ValueError as error:
        raise ValueError(f"{public} is no public key in OpenSSH's form") from error
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private(key: Key, form: PrivateFormat) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _begun(subject: x509.Name, issuer: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
    )
