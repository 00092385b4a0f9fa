"""The shapes of answers on predictions, for the API's description and its tests."""

from typing import Any, Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A model that may be asked; ``accuracy`` is that on ``n_test`` test images which it never learned from.

    group: of the runs that it stands for, whose mean GET /api/groups/means tells; name: theirs; label: its own run's.
    """

    id: str
    run_id: str
    group: str
    name: str
    label: str
    strategy: str
    kind: Literal["federated", "pooled", "alone"]
    client: str | None
    accuracy: float | None
    n_test: int | None
    classes: list[str]
    is_default: bool
    is_reference: bool
    data: str
    size: int


class OfferedModel(Model):
    """A model of which there are ``num_models`` of the same experiment."""

    num_models: int


class Judged(BaseModel):
    """How many of an experiment's reference models judge a picture rightly."""

    name: str
    data: str
    right: int
    num_models: int


class Example(BaseModel):
    """A drawn photograph to try, and what the reference models make of it."""

    name: str
    label: str
    judged: list[Judged]


class ModelList(BaseModel):
    """A model for each experiment, the default one first; total: how many models there are in all."""

    models: list[OfferedModel]
    total: int
    examples: list[Example]


class Provenance(Model):
    """A model, with the SHA-256 of its file."""

    sha256: str


class PredictedClass(BaseModel):
    """What a model says: the likeliest class, its probability, and that of every class."""

    label: str
    probability: float
    probabilities: dict[str, float]


class Heatmap(BaseModel):
    """Grad-CAM over the photograph, a PNG of its size as a data URL, clear outside the square that the model sees."""

    width: int
    height: int
    png: str
    text: str
    places: list[int]
    square: dict[str, int]
    is_empty: bool


class Photo(BaseModel):
    """The photograph as it was judged, upright, at most 1024 pixels a side, without metadata; a data URL (JPEG)."""

    width: int
    height: int
    png: str


class Other(BaseModel):
    """What another model says of the same photograph."""

    id: str
    model: str
    kind: Literal["federated", "pooled", "alone"]
    client: str | None
    label: str
    probability: float


class Sky(BaseModel):
    """Whether the picture looks like a sky: not if its score is above the threshold."""

    is_sky: bool
    score: float
    threshold: float
    text: str


class Prediction(BaseModel):
    """The answer to a photograph; ``saved`` is the id under which it is kept, null where it is forgotten."""

    prediction: PredictedClass
    heatmap: Heatmap
    photo: Photo
    others: list[Other]
    others_text: str
    sky: Sky
    model: Provenance
    caution: str
    saved: str | None


class Kept(BaseModel):
    """A kept prediction; ``offered`` is the label under which its photograph was offered."""

    id: str
    created: str
    label: str
    probability: float
    model: str
    is_sky: bool
    offered: str | None
    offer_state: str | None


class KeptList(BaseModel):
    """The own kept predictions, the latest first."""

    predictions: list[Kept]


class Offer(BaseModel):
    """A photograph offered as training data; ``predicted`` is what the model said of it."""

    id: str
    label: str
    predicted: str | None
    probability: float | None
    classes: list[str]
    owner: str | None
    created: str
    state: str
    decided_label: str | None
    decided_by: str | None
    decided: str | None


class OfferAnswer(BaseModel):
    """One offer."""

    offer: Offer


class OfferList(BaseModel):
    """Offers, those that wait first."""

    offers: list[Offer]


FORM: dict[str, Any] = {
    "type": "object",
    "description": "curl -F photo=@sky.jpg http://localhost:5000/api/predict asks the default model; "
    "add -F model=ID for another one, an id of GET /api/models. A script needs neither an account nor a token.",
    "required": ["photo"],
    "additionalProperties": False,
    "properties": {
        "photo": {
            "type": "string",
            "format": "binary",
            "description": "JPEG, PNG or WebP; at most 16 MB, 24 million pixels and 8192 a side; a JPEG that "
            "is not progressive, as cameras and phones write it, up to 210 million and 20000.",
        },
        "model": {"type": "string", "maxLength": 128, "description": "An id of GET /api/models."},
        "keep": {"enum": ["true", "false"], "description": "Keep photograph and answer in the own account; needs one."},
        "compare": {"enum": ["true", "false"], "description": "Ask related models too (true unless given)."},
    },
}
