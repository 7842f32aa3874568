"""Locality-sensitive hashing over a layer's neurons: hash families, tables, and when to rebuild them."""

from slidelearn.lsh.families import Doph, Dwta, HashFamily, SimHash, Wta, make_family
from slidelearn.lsh.index import LshIndex
from slidelearn.lsh.schedule import RebuildSchedule
from slidelearn.lsh.tables import HashTables, TableStats

__all__ = [
    "Doph",
    "Dwta",
    "HashFamily",
    "HashTables",
    "LshIndex",
    "RebuildSchedule",
    "SimHash",
    "TableStats",
    "Wta",
    "make_family",
]
