"""Locality-sensitive hashing over a layer's neurons: hash families, tables, and when to rebuild them."""

from slidelearn.lsh.doph import Doph
from slidelearn.lsh.families import make_family
from slidelearn.lsh.family import HashFamily
from slidelearn.lsh.index import LshIndex
from slidelearn.lsh.schedule import RebuildSchedule
from slidelearn.lsh.simhash import SimHash
from slidelearn.lsh.tables import HashTables, TableStats
from slidelearn.lsh.wta import Dwta, Wta

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
