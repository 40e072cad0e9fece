"""`korat boards` on a folder of its own."""

from pathlib import Path

from own_platform import run_korat


def test_boards_are_printed_checked_and_found_wanting(tmp_path: Path) -> None:
    folder = str(tmp_path / "boards")
    missing = run_korat(("boards", "check", "--folder", folder), tmp_path, {})
    assert missing.returncode == 1
    assert "is missing: print the boards anew" in missing.stdout
    done = run_korat(("boards", "print", "--folder", folder), tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert run_korat(("boards", "check", "--folder", folder), tmp_path, {}).returncode == 0
    board = next((tmp_path / "boards" / "generated" / "grafana" / "en").glob("*.json"))
    board.write_text(board.read_text() + " ")
    changed = run_korat(("boards", "check", "--folder", folder), tmp_path, {})
    assert changed.returncode == 1
    assert changed.stdout == f"generated/grafana/en/{board.name} is not what its spec says: print the boards anew\n"


def test_a_push_needs_one_way_in(tmp_path: Path) -> None:
    refused = run_korat(("boards", "push", "http://127.0.0.1:9"), tmp_path, {})
    assert refused.returncode == 1
    assert refused.stderr == "korat: give either --token-file, or --user and --password-file\n"
    secret = tmp_path / "token"
    nobody = run_korat(("boards", "push", "http://127.0.0.1:9", "--token-file", str(secret)), tmp_path, {})
    assert nobody.returncode == 1
    assert str(secret) in nobody.stderr
