"""Lambert 93 (EPSG:2154) and WGS 84, on the ellipsoid GRS 80; they agree to some centimetres."""

import math

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.float64]  # (n, 2): longitude and latitude, or x and y

_A = 6_378_137.0  # m
_E = 0.081_819_191_042_815_79
_LON0 = math.radians(3.0)
_LAT0, _LAT1, _LAT2 = (math.radians(degrees) for degrees in (46.5, 44.0, 49.0))
_X0, _Y0 = 700_000.0, 6_600_000.0
_ROUNDS = 6  # of the latitude's iteration; four reach a micrometre


def _isometric(lat: float) -> float:
    sine = math.sin(lat)
    return math.atanh(sine) - _E * math.atanh(_E * sine)


def _normal(lat: float) -> float:
    return _A / math.sqrt(1 - (_E * math.sin(lat)) ** 2)


_N = math.log(_normal(_LAT2) * math.cos(_LAT2) / (_normal(_LAT1) * math.cos(_LAT1))) / (
    _isometric(_LAT1) - _isometric(_LAT2)
)
_C = _normal(_LAT1) * math.cos(_LAT1) / _N * math.exp(_N * _isometric(_LAT1))
_YS = _Y0 + _C * math.exp(-_N * _isometric(_LAT0))


def to_wgs84(places: Positions) -> Positions:
    """Degrees of positions in metres."""
    east, south = places[:, 0] - _X0, _YS - places[:, 1]
    isometric = -np.log(np.hypot(east, south) / _C) / _N
    lat = 2 * np.arctan(np.exp(isometric)) - math.pi / 2
    for _each in range(_ROUNDS):
        sine = np.sin(lat)
        lat = np.arcsin(np.tanh(isometric + _E * np.arctanh(_E * sine)))
    return np.degrees(np.column_stack([_LON0 + np.arctan2(east, south) / _N, lat]))


def from_wgs84(places: Positions) -> Positions:
    """Metres of positions in degrees."""
    lon, lat = np.radians(places).T
    sine = np.sin(lat)
    radius = _C * np.exp(-_N * (np.arctanh(sine) - _E * np.arctanh(_E * sine)))
    angle = _N * (lon - _LON0)
    return np.column_stack([_X0 + radius * np.sin(angle), _YS - radius * np.cos(angle)])
