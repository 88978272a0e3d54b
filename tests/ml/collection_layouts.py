"""Collections of small radiographs in the layout of the public collections."""

from __future__ import annotations

from pathlib import Path

from ml.importers import LabelledCollection
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


def write_files(folder: Path, *names: str, content: bytes = RADIOGRAPH) -> Path:
    """Write radiographs with the given names into a folder and return the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_cohen_collection(folder: Path) -> Path:
    """Write Cohen's collection; one radiograph of its table is missing, one has a path outside."""
    names = [line.split("images,")[1].split(",")[0] for line in COHENS_TABLE.splitlines()[1:]]
    write_files(folder, *[f"images/{name}" for name in names if name != "nowhere.png" and ".." not in name])
    (folder / "metadata.csv").write_text(COHENS_TABLE)
    (folder.parent / "secret.png").write_bytes(b"outside the collection")
    return folder


def labels(collection: LabelledCollection) -> dict[str, str]:
    """Return each radiograph's finding by file name."""
    return {radiograph.path.name: radiograph.label for radiograph in collection.radiographs}


def patients(collection: LabelledCollection) -> dict[str, str]:
    """Return each radiograph's patient by file name."""
    return {radiograph.path.name: radiograph.patient for radiograph in collection.radiographs}
