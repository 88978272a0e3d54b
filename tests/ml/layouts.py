"""Collections of small radiographs, laid out as their makers lay them out."""

from __future__ import annotations

from pathlib import Path

from ml.importers import Imported
from tests.radiographs import radiograph_png

RADIOGRAPH = radiograph_png(size=(64, 64))

COHENS_TABLE = """\
patientid,offset,sex,age,finding,view,modality,folder,filename,license
1,0,M,60,COVID-19,PA,X-ray,images,first-day1.png,CC BY 4.0
1,3,M,60,"COVID-19, ARDS",AP Supine,X-ray,images,first-day4.png,CC BY 4.0
1,3,M,60,COVID-19,L,X-ray,images,first-lateral.png,
2,,F,,Pneumonia/Viral/COVID-19,AP,X-ray,images,second.png,
3,,F,,Pneumonia/Fungal/Pneumocystis,PA,X-ray,images,third.png,
4,,,,No Finding,PA,X-ray,images,fourth.png,
5,,,,Tuberculosis,PA,X-ray,images,fifth.png,
6,,,,todo,PA,X-ray,images,sixth.png,
7,,,,Unicorn,PA,X-ray,images,seventh.png,
8,,,,COVID-19,,X-ray,images,eighth.png,
9,,,,COVID-19,Axial,CT,images,ninth.png,
10,,,,COVID-19,PA,X-ray,images,nowhere.png,
11,,,,COVID-19,PA,X-ray,images,../../secret.png,
12,,,,Pneumonia,PA,X-ray,images,shared.png,
13,,,,Pneumonia,PA,X-ray,images,shared.png,
13,,,,Pneumonia,PA,X-ray,images,thirteenth.png,
"""


def lay(folder: Path, *names: str, content: bytes = RADIOGRAPH) -> Path:
    """Put radiographs under the given names into a folder, and give the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def lay_cohen(folder: Path) -> Path:
    """Lay out Cohen's collection; one radiograph of its table is missing, and one is named outside."""
    listed = [line.split("images,")[1].split(",")[0] for line in COHENS_TABLE.splitlines()[1:]]
    lay(folder, *[f"images/{name}" for name in listed if name != "nowhere.png" and ".." not in name])
    (folder / "metadata.csv").write_text(COHENS_TABLE)
    (folder.parent / "secret.png").write_bytes(b"not of the collection")
    return folder


def labels(found: Imported) -> dict[str, str]:
    """Give each radiograph's finding by its file name."""
    return {radiograph.path.name: radiograph.label for radiograph in found.radiographs}


def patients(found: Imported) -> dict[str, str]:
    """Give each radiograph's patient by its file name."""
    return {radiograph.path.name: radiograph.patient for radiograph in found.radiographs}
