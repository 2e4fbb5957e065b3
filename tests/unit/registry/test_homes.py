"""What an inventory may not say of a home, and the other way round."""

from tests.unit.registry.test_compare import change, told

HOME = """
sites:
  - {name: ta-1, title: TA-1, domain: telecare, lon: 2.43, lat: 48.62, devices: [
      {name: ta-1, model: telecare-box, commissioned: 2024-01-01}]}
"""


def test_a_home_stands_under_a_pseudonym_and_roughly() -> None:
    (site,) = change(HOME).sites
    assert (site.title, site.lon) == ("TA-1", 2.43)
    for old, new, sentence in (
        ("title: TA-1", "title: Mme Martin", "write title: ta-1"),
        ("lon: 2.43", "lon: 2.43271", "rounded to 0.01: write 2.43"),
        ("lat: 48.62", "lat: 48.62, properties: {public: true}", "never public"),
        ("model: telecare-box", "lon: 2.4312, lat: 48.62, model: telecare-box", "is in a home"),
    ):
        assert sentence in told(HOME.replace(old, new)), sentence


def test_what_homes_measure_is_measured_nowhere_else() -> None:
    text = HOME.replace("domain: telecare", "domain: weather, river: Orge")
    assert "its site must be of the domain telecare" in told(text)


def test_no_works_at_a_home() -> None:
    works = "works: [{name: dig, begins: 2024-01-01, ends: 2024-02-01, reason: x, %s: [ta-1]}]\n"
    for kind in ("sites", "devices"):
        assert "ta-1 is a home: no works there" in told(HOME + works % kind)
