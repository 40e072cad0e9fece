"""Every configuration that the guides and examples show is read by the gateway's own loaders."""

from pathlib import Path
from typing import Final

import pytest

from city.mqtt import Address
from gateway.links.configuration import load_links
from gateway.links.opening import doors
from gateway.links.routes import Route
from gateway.naming import load_naming
from korat.settings import Everything
from support.pages import ROOT, Block, blocks

SECRETS: Final = {
    "dispatch.secret": "a secret of the test",
    "pseudonyms.key": "0123456789" * 4,
    "tokens.txt": "a-token-of-the-test\n",
}
BLOCKS: Final = [
    pytest.param(block, id=str(block)) for page in ("gateway", "engineer") for block in blocks(ROOT / f"docs/{page}.md")
]
EXAMPLES: Final = [pytest.param(file, id=file.name) for file in sorted((ROOT / "docs" / "examples").glob("*.toml"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder in which the secrets are that the guide speaks of."""
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    return tmp_path


def load(file: Path) -> None:
    load_naming(file)
    doors(load_links(file), "127.0.0.1", file.parent)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.values[0].language == "toml"])  # type: ignore[union-attr]
def test_a_configuration_in_a_guide_is_accepted(block: Block, folder: Path) -> None:
    name = block.lines[0].removeprefix("# ")
    file = folder / name
    file.write_text(block.text, "utf-8")
    if name == "gateway.toml":
        load(file)
    elif name == "korat.toml":
        gateway = Everything.load(file).gateway
        assert all(Route.parse(text) for text in gateway.mqtt_topics)
        assert not gateway.mqtt_url or Address.parse(gateway.mqtt_url)
    else:
        assert name == "mapping.toml", f"{block}: its first line says which file it is"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_accepted(example: Path, folder: Path) -> None:
    file = folder / "gateway.toml"
    file.write_bytes(example.read_bytes())
    load(file)
