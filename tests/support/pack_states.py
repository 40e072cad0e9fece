"""The states of a pack as gateway/outbox/README.md shows them: `PYTHONPATH=tests python -m support.pack_states`."""

from pathlib import Path

from gateway.outbox.circuit_breaker import TRANSITIONS, Event, State

README = Path(__file__).parents[2] / "gateway" / "outbox" / "README.md"
BEGIN = "<!-- Made by `PYTHONPATH=tests python -m support.pack_states`; a test compares the two. -->\n"
END = "<!-- End of what is made. -->\n"


def section() -> str:
    """Draw the table of transitions, and say what each state is.

    A receipt settles a pack in each state; only its arrow from where a receipt is awaited is drawn.
    """
    arrows = [
        f"    {state.name} --> {following.name}: {event.value}\n"
        for (state, event), following in TRANSITIONS.items()
        if event is not Event.RECEIPT or state is State.AWAITING_RECEIPT
    ]
    rows = [f"| `{state.name}` | {state.value} |\n" for state in State]
    diagram = f"```mermaid\nstateDiagram-v2\n    [*] --> FRESH\n{''.join(arrows)}    SETTLED --> [*]\n```\n"
    return f"{BEGIN}\n{diagram}\n| state | a pack is |\n|---|---|\n{''.join(rows)}\n{END}"


def written() -> str:
    """Give the part of the README that is made."""
    text = README.read_text("utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


if __name__ == "__main__":
    README.write_text(README.read_text("utf-8").replace(written(), section()), "utf-8")
