"""A notification route for a new territory, to be filled in by hand."""

from contextlib import suppress
from pathlib import Path

_DRAFT = """# Who is notified of alarms in {departement}. Write real addresses, then:
#   hypervisor notify routes apply {file} --reason '…'
# ${{SMTP_PASSWORD}} comes from the environment or from hypervisor.env.
routes:
  - name: duty
    when: {{severity: major}}
    hours: [{{days: mon-sun, from: "00:00", to: "24:00"}}]
    channels:
      - "mailtos://USER:${{SMTP_PASSWORD}}@smtp.town.example?to=duty@town.example"
"""


def write_routes(folder: Path, departement: str) -> Path | None:
    """Write the draft beside the instance's settings; None: it stands already, or cannot be."""
    file = folder / f"routes-{departement}.yaml"
    if file.exists():
        return None
    with suppress(OSError):
        file.write_text(_DRAFT.format(departement=departement, file=file), encoding="utf-8")
        return file
    return None
