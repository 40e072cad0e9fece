"""What a reading costs: CPU of the ingest process from broker to confirmed store and ledger.

Usage: make bench [ARGS="--quick"]

A backlog waits in a real mosquitto; one ingest worker drains it into DuckDB, then into InfluxDB. CPU seconds are the
process's own (user and system, all threads, from the kernel's account), so a busy machine matters little.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.influx import Influx  # noqa: E402 - the path comes first
from support.mosquitto import Mosquitto  # noqa: E402 - the path comes first
