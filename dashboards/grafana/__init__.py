"""The printer for Grafana: classic JSON, which loads on versions 10 to 13."""

from dashboards.grafana.board import print_board, uid_of

__all__ = ["print_board", "uid_of"]
