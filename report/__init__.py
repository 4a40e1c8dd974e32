"""The report: what a run folder holds, as one self-contained HTML page."""
