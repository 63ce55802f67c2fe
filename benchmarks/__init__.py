"""Measurements, started by `make bench`, never part of the tests. Each module measures one thing: a Table."""
