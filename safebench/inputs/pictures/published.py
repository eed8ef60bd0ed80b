"""Published sets of forged pictures, in the layouts in which their authors give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from safebench.inputs.pictures import folders
from safebench.inputs.pictures.folders import Found, Index, images_of, told
from safebench.inputs.pictures.published_set import PublishedSet
from safebench.inputs.pictures.sets import ForgedPicture


def _tgif(root: Path, split: str = "testing") -> tuple[list[ForgedPicture], dict[str, Path]]:
    """MODEL/SPLIT/COCO_mask_TYPE.png_MODEL_N.png, masks/SPLIT/COCO_mask_TYPE.png, original/SPLIT/COCO.png."""
    masks = Index(_of_split(root, "masks", split), str.casefold)
    authentic = Index(_of_split(root, "original", split), str.casefold)
    forged = []
    for folder in sorted(path.name for path in root.iterdir() if path.is_dir()):
        if folder in ("masks", "original"):
            continue
        for image in _of_split(root, folder, split):
            match = re.fullmatch(r"(?P<photo>.+?)_mask_(?P<type>[a-z]+)\.png_(?P<model>.+)_(?P<n>\d+)", image.stem)
            if match is None:
                continue
            mask = masks.find(image, f"{match['photo']}_mask_{match['type']}".casefold())
            original = authentic.find(image, match["photo"].casefold())
            picture = _forged(image, mask, original, folder, match["photo"])
            forged.append(replace(picture, mask_type=match["type"], repeat=match["n"]))
    return forged, {image.name: image.path for image in authentic.images}


def _of_split(root: Path, folder: str, split: str) -> Iterator[Found]:
    place = root / folder / split
    return images_of(root, f"{folder}/{split}") if place.is_dir() else iter(())


def _cocoglide(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
    """fake/glide_inpainting_val2017_ID_up.png, mask/CLASS_ID_mask.png, real/CLASS_ID.png: paired by ID."""
    masks = Index(images_of(root, "mask"), lambda stem: stem.removesuffix("_mask").rpartition("_")[2])
    authentic = Index(images_of(root, "real"), lambda stem: stem.rpartition("_")[2])
    forged = []
    for image in images_of(root, "fake"):
        match = re.fullmatch(r"glide_inpainting_val2017_(\d+)(_up)?", image.stem)
        if match is not None:
            mask, original = masks.find(image, match[1]), authentic.find(image, match[1])
            forged.append(_forged(image, mask, original, "GLIDE", match[1]))
    return forged, {image.name: image.path for image in authentic.images}


def _autosplice(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
    """Forged_JPEG75/ID.jpg or ID_N.jpg, Mask/ID_mask.png or ID_N_mask.png, Authentic/ID.jpg."""
    masks = Index(images_of(root, "Mask"))
    authentic = Index(images_of(root, "Authentic"))
    forged = []
    for folder in told(root, re.compile(r"Forged_JPEG\d+")):
        for image in images_of(root, folder):
            photo = image.stem.partition("_")[0]
            mask = masks.find(image) or masks.find(image, photo.casefold())
            original = authentic.find(image) or authentic.find(image, photo.casefold())
            forged.append(_forged(image, mask, original, f"DALL-E 2 {folder.removeprefix('Forged_')}", photo))
    return forged, {image.name: image.path for image in authentic.images}


def _tp_gt_au(name: str) -> Callable[[Path], tuple[list[ForgedPicture], dict[str, Path]]]:
    """Tp (and folders below it, which name generators), Gt with X_mask.png or X_gt.png, Au."""

    def pair(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
        found = folders.read_folders(root)
        forged = [replace(p, generator=name) if p.generator == found.name else p for p in found.forged]
        return forged, found.authentic

    return pair


def _columbia(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
    """4cam_splc/X.tif, 4cam_splc/edgemask/X_edgemask.jpg, 4cam_auth/Y.tif; no picture has its original there."""
    inside = [image for image in images_of(root, "4cam_splc") if image.below != "edgemask"]
    masks = Index(images_of(root, "4cam_splc/edgemask"), lambda stem: stem.removesuffix("_edgemask").casefold())
    forged = [_forged(image, masks.find(image), None, "splicing", image.stem) for image in inside]
    authentic = {image.name: image.path for image in images_of(root, "4cam_auth") if image.below != "edgemask"}
    return forged, authentic


def _coverage(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
    """image/N.tif and image/Nt.tif, the forged one; mask/Nforged.tif."""
    masks = Index(images_of(root, "mask"), str.casefold)
    images = list(images_of(root, "image"))
    authentic = Index(image for image in images if image.stem.isdigit())
    forged = []
    for image in images:
        number = image.stem.removesuffix("t")
        if number.isdigit() and number != image.stem:
            mask = masks.find(image, f"{number}forged")
            forged.append(_forged(image, mask, authentic.find(image, number), "copy-move", number))
    return forged, {image.name: image.path for image in authentic.images}


def _imd2020(root: Path) -> tuple[list[ForgedPicture], dict[str, Path]]:
    """FOLDER/X_0.jpg, FOLDER/X_0_mask.png, FOLDER/Y_orig.jpg: a folder for each original."""
    images = [image for folder in told(root, re.compile(r"[^.].*")) for image in images_of(root, folder)]
    in_folder: dict[str, list[Found]] = {}
    for image in images:
        in_folder.setdefault(image.name.rpartition("/")[0], []).append(image)
    forged = []
    for folder, here in in_folder.items():
        masks = Index([image for image in here if image.stem.endswith("_mask")], _without_mask)
        originals = Index(image for image in here if image.stem.endswith("_orig"))
        for image in here:
            if not image.stem.endswith(("_mask", "_orig")):
                alone = originals.images[0] if len(originals.images) == 1 else None
                original = originals.find(image) or alone
                forged.append(_forged(image, masks.find(image, image.stem.casefold()), original, "real-life", folder))
    return forged, {image.name: image.path for image in images if image.stem.endswith("_orig")}


def _without_mask(stem: str) -> str:
    return stem.removesuffix("_mask").casefold()


def _forged(image: Found, mask: Found | None, original: Found | None, generator: str, photo: str) -> ForgedPicture:
    return ForgedPicture(
        name=image.name,
        path=image.path,
        mask=mask.path if mask else None,
        original=original.name if original else "",
        generator=generator,
        photo=original.name if original else photo,
    )


PUBLISHED: Final = (
    PublishedSet(
        name="tgif",
        title="TGIF: Text-Guided Inpainting Forgery",
        licence="CC BY-SA 4.0, as its page states; the photos are MS COCO's",
        paper="Mareen et al., TGIF: Text-Guided Inpainting Forgery Dataset, WIFS 2024",
        url="https://github.com/IDLabMedia/tgif-dataset",
        how_to_get="its authors give it at links on their page; put masks, original and the models' folders "
        "side by side",
        layout="masks/testing, original/testing, SD2-sp/testing, ...",
        count=8_232,
        needs=("masks", "original", r".+-(sp|fr)"),
        pair=_tgif,
        note="the testing split",
        photos_of=("coco",),
        splits={split: partial(_tgif, split=split) for split in ("validation", "training")},
    ),
    PublishedSet(
        name="cocoglide",
        title="CocoGlide: MS COCO photos inpainted by GLIDE",
        licence="its authors state none beside the set; the photos are MS COCO's",
        paper="Guillaro et al., TruFor, CVPR 2023",
        url="https://github.com/grip-unina/TruFor",
        how_to_get="its authors give it (CocoGlide.zip) at a link on their page",
        layout="fake/glide_inpainting_val2017_ID_up.png, mask/CLASS_ID_mask.png, real/CLASS_ID.png",
        count=512,
        needs=("fake", "mask", "real"),
        pair=_cocoglide,
        photos_of=("coco",),
    ),
    PublishedSet(
        name="autosplice",
        title="AutoSplice: photos of the news edited by DALL-E 2",
        licence="academic research alone",
        paper="Jia et al., AutoSplice: A Text-prompt Manipulated Image Dataset for Media Forensics, CVPRW 2023",
        url="https://github.com/shanface33/AutoSplice_Dataset",
        how_to_get="its authors send a link to those who fill in the form on their page",
        layout="Authentic, Forged_JPEG100, Forged_JPEG90, Forged_JPEG75, Mask",
        count=10_863,
        needs=("Authentic", r"Forged_JPEG\d+", "Mask"),
        pair=_autosplice,
        aliases=("auto-splice",),
    ),
    PublishedSet(
        name="br-gen",
        title="BR-Gen: scenes and backgrounds generated anew",
        licence="academic research alone",
        paper="Cai et al., Zooming In on Fakes, arXiv 2504.11922",
        url="https://github.com/clpbc/BR-Gen",
        how_to_get="its authors give forged pictures and masks at a link on their page; the photos are of COCO, "
        "ImageNet and Places",
        layout="Tp, Gt (X_mask.png), Au",
        count=150_000,
        needs=(folders.FORGED.pattern, folders.MASKS.pattern),
        pair=_tp_gt_au("br-gen"),
        aliases=("brgen",),
        photos_of=("coco", "imagenet", "places2"),
    ),
    PublishedSet(
        name="casia",
        title="CASIA image tampering detection, 1.0 or 2.0",
        licence="research, under its publisher's terms",
        paper="Dong et al., CASIA Image Tampering Detection Evaluation Database, ChinaSIP 2013",
        url="https://github.com/namtpham/casia2groundtruth",
        how_to_get="its publisher's page is gone; the masks' page says where copies lie",
        layout="Tp, Au and Gt (or 'CASIA 2 Groundtruth', X_gt.png)",
        count=5_123,
        needs=(folders.FORGED.pattern, folders.MASKS.pattern),
        pair=_tp_gt_au("casia"),
        aliases=("casia1", "casia2", "casiav1", "casiav2"),
        note="counted against CASIA 2.0; some masks of the published copies are of another size than their pictures",
    ),
    PublishedSet(
        name="columbia",
        title="Columbia uncompressed image splicing detection",
        licence="research alone, not to be handed on",
        paper="Hsu and Chang, Detecting Image Splicing Using Geometry Invariants and Camera Characteristics "
        "Consistency, ICME 2006",
        url="https://www.ee.columbia.edu/ln/dvmm/downloads/authsplcuncmp/",
        how_to_get="its publisher gives it at this address",
        layout="4cam_splc (and 4cam_splc/edgemask), 4cam_auth",
        count=180,
        needs=("4cam_splc", "4cam_auth"),
        pair=_columbia,
        note="its masks are red and green; green is taken for what was spliced in, as is usual",
        coloured=True,
    ),
    PublishedSet(
        name="coverage",
        title="COVERAGE: copy-moves of similar but genuine objects",
        licence="research, under its authors' terms",
        paper="Wen et al., COVERAGE: A Novel Database for Copy-Move Forgery Detection, ICIP 2016",
        url="https://github.com/wenbihan/coverage",
        how_to_get="its authors give it at a link on their page",
        layout="image/N.tif, image/Nt.tif, mask/Nforged.tif",
        count=100,
        needs=("image", "mask"),
        pair=_coverage,
    ),
    PublishedSet(
        name="imd2020",
        title="IMD2020: real-life manipulated images",
        licence="research, under its authors' terms",
        paper="Novozámský et al., IMD2020, WACVW 2020",
        url="http://staff.utia.cas.cz/novozada/db/",
        how_to_get="its authors give it at this address (Real-Life Manipulated Images)",
        layout="a folder for each original: X_0.jpg, X_0_mask.png, Y_orig.jpg",
        count=2_010,
        needs=(r"[^.].*",),
        pair=_imd2020,
        aliases=("imd",),
    ),
)
