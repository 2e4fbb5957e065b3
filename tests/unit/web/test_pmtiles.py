"""A basemap from a file: what its header says, and what keeps browsers from showing it."""

from pathlib import Path

import pytest

from hypervisor.web.basemap import chosen, describe, is_file, origin
from hypervisor.web.pmtiles import PmtilesError, read_pmtiles
from tests.pmtiles import paint_tile, write_pmtiles

TILE = paint_tile((200, 0, 0))


def test_a_file_of_the_data_folder_is_the_basemap(tmp_path: Path) -> None:
    attribution = '<a href="https://openstreetmap.org">© OpenStreetMap</a>'
    write_pmtiles(tmp_path / "essonne.pmtiles", TILE, attribution=attribution)
    basemap = describe(" essonne.pmtiles ", tmp_path)
    assert basemap.address.startswith("/map/basemap.pmtiles?v=")
    assert basemap.words == "© OpenStreetMap"
    assert basemap.file is not None
    assert (basemap.file.kind, basemap.file.low, basemap.file.high) == ("raster", 0, 0)
    write_pmtiles(tmp_path / "essonne.pmtiles", TILE + b"more")
    assert describe("essonne.pmtiles", tmp_path).address != basemap.address
    assert chosen("essonne.pmtiles") == origin("essonne.pmtiles") == ""
    assert not is_file("https://host/essonne.pmtiles")


def test_a_file_that_browsers_cannot_show_is_said(tmp_path: Path) -> None:
    def refused(words: str, name: str = "map.pmtiles") -> None:
        with pytest.raises(PmtilesError, match=words):
            read_pmtiles(tmp_path, name)
        assert not describe(name, tmp_path).address

    refused("there is no file")
    refused("lies outside the instance's folder", "../map.pmtiles")
    file = tmp_path / "map.pmtiles"
    file.write_bytes(b"PMTiles")
    refused("is no PMTiles file")
    write_pmtiles(file, TILE, version=2)
    refused("version 2: `pmtiles convert`")
    write_pmtiles(file, TILE, packing=3)
    refused("packed with brotli")
    write_pmtiles(file, TILE, kind=9)
    refused("tiles of an unknown kind")
    write_pmtiles(file, TILE)
    file.write_bytes(file.read_bytes()[:-9])
    refused("is cut short")
