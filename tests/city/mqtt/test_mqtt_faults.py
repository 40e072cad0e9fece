"""Passwords, certificates and settings that a real broker, or nobody, accepts."""

import asyncio
import subprocess
from pathlib import Path

import pytest
import uvloop

from city.errors import ConfigurationError
from city.mqtt import Address, Session, Subscription
from support.mosquitto import Mosquitto

CITY = (Subscription("city/#"),)


async def failed(ours: Session) -> str:
    """Return the session's first error."""
    for _ in range(2000):
        if ours.last_error is not None:
            return ours.last_error
        await asyncio.sleep(0.005)
    raise AssertionError("nothing failed")


def make_password(folder: Path, password: str) -> Path:
    folder.mkdir()
    file = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", file, "gw", password], check=True, capture_output=True)
    file.chmod(0o644)
    return file


async def test_a_wrong_password_is_told_once_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passwords = make_password(tmp_path / "auth", "right")
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    config = f"allow_anonymous false\npassword_file {passwords}"
    with Mosquitto(tmp_path / "mosquitto", config_extra=config) as broker:
        address = Address(broker.host, broker.port, user="gw", password_file=secret)
        async with asyncio.timeout(20), Session(address, client_id="gw", subscriptions=CITY) as ours:
            assert "not_authorized" in await failed(ours)
            # Three refusals make one line.
            for _ in range(500):
                if broker.log.read_text().count("not authorised") >= 3:
                    break
                await asyncio.sleep(0.01)
            assert not ours.is_connected
            assert capsys.readouterr().out.count("mqtt disconnected") == 1
            secret.write_text("right\n")
            await ours.connected()
            assert ours.last_error is None


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an authority of our own, and what it signed for a server and a client."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    # RFC 5280, sections 4.2.1.1 and 4.2.1.3: Python 3.13 asks for both
    signs = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *key, *signs, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ours", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text(f"{extension}\nauthorityKeyIdentifier=keyid\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
        (folder / f"{name}.key").chmod(0o644)
    return folder


def tls_broker(folder: Path, authority: Path) -> Mosquitto:
    lines = ("cafile ca.pem", "certfile server.pem", "keyfile server.key", "require_certificate true")
    config = "\n".join(line.replace(" ", f" {authority}/", 1) if "file" in line else line for line in lines)
    return Mosquitto(folder, config_extra=config)


async def round_trip(url: str) -> None:
    address = Address.parse(url)
    async with asyncio.timeout(20), Session(address, client_id="x", subscriptions=CITY, max_messages=10) as ours:
        await ours.connected()
        payloads = [bytes([number]) * 50_000 for number in range(100)]
        for payload in payloads:
            await ours.publish("city/x", payload, qos=0)
        got: list[bytes] = []
        while len(got) < len(payloads):
            messages = await ours.receive()
            got += [message.payload for message in messages]
            ours.acknowledge(messages)
        assert got == payloads
        assert await ours.publish("city/x", b"")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_tls_with_an_authority_of_our_own(tmp_path: Path, authority: Path, run: object) -> None:
    assert callable(run)
    with tls_broker(tmp_path / "tls", authority) as broker:
        query = f"ca={authority}/ca.pem&cert={authority}/client.pem&key={authority}/client.key"
        run(round_trip(f"mqtts://{broker.host}:{broker.port}?{query}"))


async def test_an_untrusted_broker_is_not_spoken_to(tmp_path: Path, authority: Path) -> None:
    with tls_broker(tmp_path / "tls", authority) as broker:
        async with Session(Address(broker.host, broker.port, tls=True), client_id="x") as ours:
            assert "CERTIFICATE_VERIFY_FAILED" in await failed(ours)


async def test_what_cannot_be_configured_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        async with Session(Address("h", 1, tls=True, ca=tmp_path / "none"), client_id="x"):
            pass
    with pytest.raises(ConfigurationError):
        async with Session(Address("h", 1, user="u", password_file=tmp_path / "none"), client_id="x"):
            pass
    with pytest.raises(ConfigurationError):
        async with Session(Address("h", 1), client_id="x" * 70_000):
            pass
    with pytest.raises(ConfigurationError):
        async with Session(Address("h", 1), client_id="x", keep_alive_s=70_000):
            pass
    with pytest.raises(ValueError, match="at least 1"):
        Session(Address("h", 1), client_id="x", max_messages=0)
    with pytest.raises(ValueError, match="not 2"):
        Subscription("a", qos=2)
