"""Networks on a CPU: C++ generated from the steps, compiled at first use, the same integers on every path."""
