"""Every option of a training run: one table that the command line, YAML files and --help share.

The command line itself is in command_line.py.

pydantic checks names, types and ranges before any work is done. Nothing here imports Paddle, so
that --help and errors in options appear at once.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from models import check_name, model_names
from paddle_aug.augment.policies import PolicyOptions
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.config.fields import (
    Epochs,
    LabelChanges,
    Natural,
    Numbers,
    Positive,
    Share,
    TransformList,
    holds_bool,
    option,
    whole_number,
)
from paddle_aug.config.own_names import register_own
from paddle_aug.config.problems import explain
from paddle_aug.core.argument_checks import check_normalisation
from paddle_aug.core.encodings import check_encoding
from paddle_aug.core.errors import UserError, unknown_value
from paddle_aug.core.own_code import is_import_path, short_name
from paddle_aug.core.user_paths import expand
from paddle_aug.data.options import Folders, Split, uses_digits
from paddle_aug.mix.formulas import MAX_ALPHA
from paddle_aug.modes import (
    AUGMENTS,
    BASES,
    MIXES,
    MODES,
    defaults_in_words,
    draws_lam,
    has_partners,
    image_part,
    is_mix,
    mixing_of,
)

# Defaults for the bundled digits: a run of about a minute on a laptop that shows the methods.
DIGITS_DEFAULTS: dict[str, Any] = {
    "model": "LeNet",
    "image_size": 32,
    "per_class": 10,
    "epochs": 100,
    "batch_size": 10,
    "lr": 1e-3,
}


# Shorthands for `used_with` in the table below.
_MIXED = ("augment", is_mix)
_DRAWS_LAM = ("augment", draws_lam)
_PAIRED = ("augment", has_partners)
_CUTS_OUT = ("augment", lambda name: name == "cutout" or (is_import_path(name) and is_mix(name)))
_NOT_OWN = ("model", lambda name: not is_import_path(name))


class Config(BaseModel):
    """The options of one run; immutable, and saved with it as config.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: str | None = option(None, "Data", "a folder of class folders, a folder with Train.txt and Eval.txt, a list or CSV file, a .zip of these, a CIFAR or MNIST folder or file, a name: digits, mnist, fashion-mnist, cifar10, cifar100, or a function of your own as my_module:load. Without it: AI Studio's data22612 where present, else the bundled digits", path=True, words=("digits", "mnist", "fashion-mnist", "cifar10", "cifar100"))  # fmt: skip
    images_root: str | None = option(None, "Data", "folder that the paths in a list or CSV start from", path=True)  # fmt: skip
    image_column: str = option("image", "Data", "CSV column of the image paths")
    label_column: str = option("label", "Data", "CSV column of the labels")
    eval_data: str | None = option(None, "Data", "a list or CSV file of its own for evaluation", path=True)  # fmt: skip
    eval_share: Annotated[float, Field(gt=0, lt=1)] = option(0.2, "Data", "share kept for evaluation where the data come in one piece")  # fmt: skip
    split: Split = option("order", "Data", "how a list or table without an evaluation part is split: by row order or by class and seed")  # fmt: skip
    folders: Folders = option("auto", "Data", "what the folders in --data are: classes, or parts such as train and test that hold them; auto goes by their names and says so")  # fmt: skip
    class_names: str | None = option(None, "Data", "names of numbered labels: a file ('0 cat' or 'cat 0' lines, a name a line, JSON or YAML), cat,dog,..., folders (those in the paths), or labels (the numbers); without it: classes.txt, label_list.txt, label.txt or labels.txt beside the data, else the folders where there is one for each label", path=True, words=("folders", "labels"))  # fmt: skip
    changes_label: LabelChanges | None = option(None, "Data", "operations that would change what an image shows, and are left out of --augment: of horizontal_flip, vertical_flip, large_rotation, with commas; none: flips are safe. Without it: all three for digits and letters in arrays", words=("none", "horizontal_flip", "vertical_flip", "large_rotation"))  # fmt: skip
    encoding: str | None = option(None, "Data", "of lists, tables, label files, names in a .zip and names of folders that are not UTF-8, such as gbk or big5; without it: GBK where they look like it", words=("utf-8", "gbk", "gb18030", "big5", "utf-16"))  # fmt: skip
    per_class: Positive | None = option(None, "Data", "train on this many images of each class only")  # fmt: skip
    eval_per_class: Positive | None = option(None, "Data", "evaluate on this many images of each class only, the same ones whatever the seed; evaluate.py takes them all")  # fmt: skip
    sampling: Literal["shuffle", "balanced"] = option("shuffle", "Data", "an epoch takes every image once, or every class equally often")  # fmt: skip
    oversample: Literal["no", "smote"] = option("no", "Data", "smote: make images until every class has as many as the largest (needs imbalanced-learn and memory)")  # fmt: skip
    image_size: Annotated[int, Field(ge=8, le=2048)] = option(224, "Data", "height and width that the model sees, in pixels")  # fmt: skip
    channels: Annotated[Literal[1, 3], BeforeValidator(whole_number)] = option(3, "Data", "3: RGB, 1: gray")  # fmt: skip
    mean: Numbers = option([0.5, 0.5, 0.5], "Data", "mean to subtract, in [0, 1], one value a channel")  # fmt: skip
    std: Numbers = option([0.5, 0.5, 0.5], "Data", "standard deviation to divide by, above 0, at most 1")  # fmt: skip
    skip_bad: bool = option(False, "Data", "read every image first and leave out those that cannot be read, saying how many; otherwise the first one stops the run")  # fmt: skip
    cache: bool = option(True, "Data", "keep decoded and resized images in a file for later epochs and runs", free_on_resume=True, studied=True)  # fmt: skip

    augment: str = option("samplePairing", "Augmentation", f"augmentation of the training images: {', '.join(AUGMENTS)}, or code of your own as my_module:my_policy", studied=True, words=AUGMENTS)  # fmt: skip
    base: Literal[BASES] | None = option(None, "Augmentation", f"image part under a mixing method ({defaults_in_words('base')})", studied=True)  # pyright: ignore[reportInvalidTypeForm]  # fmt: skip
    policy: PolicyOptions = option(PolicyOptions(), "Augmentation", "numbers of the image part", studied=True)  # fmt: skip
    train_transforms: TransformList | None = option(None, "Augmentation", "image part as a list instead, in torchvision's names, such as '[{Resize: 120}, RandomHorizontalFlip, {RandomCrop: 96}]'", studied=True)  # fmt: skip
    eval_transforms: TransformList | None = option(None, "Augmentation", "the same for evaluation images")  # fmt: skip

    partner: Literal["batch", "dataset"] | None = option(None, "Mixing", "where the second image comes from: the same batch, or the whole training set " + f"({defaults_in_words('partner')})", used_with=_MIXED, studied=True)  # fmt: skip
    mix_prob: Share | None = option(None, "Mixing", f"share of batches (of images, with --partner dataset) that are mixed ({defaults_in_words('mix_prob')})", used_with=_MIXED, studied=True)  # fmt: skip
    alpha: Annotated[float, Field(ge=0, le=MAX_ALPHA)] | None = option(None, "Mixing", f"lam ~ Beta(alpha, alpha); 0: no mixing ({defaults_in_words('alpha')})", used_with=_DRAWS_LAM, studied=True)  # fmt: skip
    pairs: Literal["permutation", "replacement"] | None = option(None, "Mixing", f"partners in a batch: each image serves once, or each partner is drawn by itself ({defaults_in_words('pairs')})", used_with=_PAIRED, studied=True)  # fmt: skip
    mix_draws: Literal["batch", "image"] | None = option(None, "Mixing", f"one lam and box for a batch, or one for each image; with --partner dataset always each image's ({defaults_in_words('mix_draws')})", used_with=_MIXED, studied=True)  # fmt: skip
    pairing_start: Natural | None = option(None, "Mixing", "first epoch with mixing, from 0 (samplePairing: epochs/10, others: 0)", used_with=_MIXED, studied=True)  # fmt: skip
    pairing_end: Natural | None = option(None, "Mixing", "first epoch of the final part without mixing (samplePairing: epochs - epochs/10, others: epochs)", used_with=_MIXED, studied=True)  # fmt: skip
    pairing_on: Positive | None = option(None, "Mixing", "epochs with mixing in a turn (samplePairing 8, others: all)", used_with=_MIXED, studied=True)  # fmt: skip
    pairing_off: Natural | None = option(None, "Mixing", "epochs without mixing in a turn (samplePairing 2, others 0)", used_with=_MIXED, studied=True)  # fmt: skip
    mix_off_last: Natural = option(0, "Mixing", "fine-tune without mixing for this many last epochs", used_with=_MIXED, studied=True)  # fmt: skip
    cutout_size: Annotated[float, Field(gt=0, le=1)] = option(0.5, "Mixing", "side of cutout's square, as a share of the image's", used_with=_CUTS_OUT, studied=True)  # fmt: skip

    model: str = option("GoogLeNet", "Model", f"{', '.join(model_names())}, paddle.vision:NAME, or code of your own as my_module:MyNet", words=tuple(model_names()))  # fmt: skip
    init: Literal["default", "xavier", "kaiming"] = option("default", "Model", "initialisation of the weights; default: Paddle's own", used_with=_NOT_OWN)  # fmt: skip
    weights: str | None = option(None, "Model", "first weights: a .pdparams, .safetensors or .npz file, a run's folder or a checkpoint, or: pretrained (Paddle's ImageNet weights, by download). A head for another number of classes is made anew", path=True, words=("pretrained",))  # fmt: skip
    head_lr_ratio: Annotated[float, Field(gt=0)] = option(1.0, "Model", "learning rate of the head as a multiple of --lr (the course slides: 10)")  # fmt: skip
    freeze_backbone: bool = option(False, "Model", "with --weights: only the head learns; batch normalisation keeps its statistics")  # fmt: skip
    stem: Literal["auto", "small", "imagenet"] = option("auto", "Model", "ResNet's first layers: 3x3 for small images or 7x7 and a pool; auto: small below 64 pixels", used_with=_NOT_OWN)  # fmt: skip

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = option(500, "Optimisation", "passes over the training images")  # fmt: skip
    batch_size: Positive = option(8, "Optimisation", "images a step")
    eval_batch_size: Positive | None = option(None, "Optimisation", "images a step in evaluation; default: as --batch-size, at least 32")  # fmt: skip
    lr: Annotated[float, Field(gt=0)] = option(1e-4, "Optimisation", "learning rate")
    optimizer: Literal["Adam", "AdamW", "SGD", "Momentum"] = option("Adam", "Optimisation", "update rule")  # fmt: skip
    momentum: Annotated[float, Field(ge=0, lt=1)] = option(0.9, "Optimisation", "of --optimizer Momentum", used_with=("optimizer", ("Momentum",)))  # fmt: skip
    weight_decay: Annotated[float, Field(ge=0)] = option(0.0, "Optimisation", "L2 penalty (AdamW: decoupled)")  # fmt: skip
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] | None = option(None, "Optimisation", "clip gradients to this global norm")  # fmt: skip
    lr_schedule: Literal["constant", "multistep", "cosine", "plateau"] = option("constant", "Optimisation", "learning rate over the epochs")  # fmt: skip
    warmup_epochs: Natural = option(0, "Optimisation", "epochs of linear warm-up")
    milestones: Epochs = option([], "Optimisation", "multistep: epochs at which the rate is multiplied by --gamma, as 15,18", used_with=("lr_schedule", ("multistep",)))  # fmt: skip
    gamma: Annotated[float, Field(gt=0, le=1)] = option(0.1, "Optimisation", "multistep and plateau: factor", used_with=("lr_schedule", ("multistep", "plateau")))  # fmt: skip
    plateau_patience: Positive = option(10, "Optimisation", "plateau: epochs without a lower evaluation loss to wait for; the next such epoch cuts, as Paddle's ReduceOnPlateau", used_with=("lr_schedule", ("plateau",)))  # fmt: skip
    criterion: Literal["cross_entropy", "focal"] = option("cross_entropy", "Optimisation", "loss function")  # fmt: skip
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = option(0.0, "Optimisation", "share of the label spread over all classes")  # fmt: skip
    focal_gamma: Annotated[float, Field(ge=0)] = option(2.0, "Optimisation", "focal loss: gamma", used_with=("criterion", ("focal",)))  # fmt: skip
    ema: Annotated[float, Field(ge=0, lt=1)] = option(0.0, "Optimisation", "decay of averaged weights used in evaluation, such as 0.999; 0: off")  # fmt: skip
    early_stopping: Positive | None = option(None, "Optimisation", "stop after this many epochs without a better evaluation accuracy")  # fmt: skip
    clean_accuracy: bool = option(False, "Optimisation", "measure the training accuracy on clean images too, after every epoch", studied=True)  # fmt: skip

    output: str = option("logs", "Run", "folder of the curves; the run's own folder is OUTPUT/<augment>", free_on_resume=True, studied=True, path=True)  # fmt: skip
    overwrite: bool = option(
        False, "Run", "replace the run that is already there", free_on_resume=True, studied=True
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = option(0, "Run", "of every random choice", studied=True)  # fmt: skip
    device: str = option("auto", "Run", "auto, cpu, gpu, gpu:1, ...", studied=True, words=("auto", "cpu", "gpu"))  # fmt: skip
    workers: Literal["auto", "thread"] | Annotated[int, Field(ge=0, le=256)] = option("auto", "Run", "who makes the batches: thread, a number of processes, 0: none; auto chooses", free_on_resume=True, studied=True)  # fmt: skip
    amp: Literal["no", "fp16", "bf16"] = option("no", "Run", "automatic mixed precision")
    cpu_backend: Literal["auto", "onednn", "paddle"] = option("auto", "Run", "what computes on a CPU: oneDNN from Paddle's wheel, or Paddle's own kernels", studied=True)  # fmt: skip
    checkpoint_minutes: Annotated[float, Field(gt=0)] = option(10.0, "Run", "save the state this often within an epoch; after every epoch always", free_on_resume=True, studied=True)  # fmt: skip
    keep_states: Natural = option(1, "Run", "states (weights and optimizer, to go on from) that a finished run keeps, the newest; the best model always stays", free_on_resume=True, studied=True)  # fmt: skip
    visualdl: bool = option(False, "Run", "also write curves, options and a sheet of training images for VisualDL's page (needs the extra visualdl)", free_on_resume=True, studied=True)  # fmt: skip
    max_steps: Positive | None = option(None, "Run", "stop every epoch after this many steps (to try a configuration)")  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _spell_no(cls, values: Any) -> Any:
        """YAML reads an unquoted no as false; here it is the name of a policy."""
        if not isinstance(values, dict):
            return values
        names = {"augment", "base", "oversample", "amp"}
        return {k: "no" if k in names and v is False else v for k, v in values.items()}

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_no_truth_values(cls, value: Any, info: ValidationInfo) -> Any:
        """pydantic would accept true as 1 for a number."""
        name = info.field_name or ""
        free = cls.model_fields[name].annotation is bool or name.endswith("_transforms")
        if not free and holds_bool(value):
            raise ValueError("true and false are no values here")
        return value

    @field_validator("augment", mode="after")
    @classmethod
    def _known_augmentation(cls, value: str) -> str:
        if is_import_path(value):
            try:
                register_own(value)
            except UserError as error:
                raise ValueError(str(error).removeprefix(f"augment {value}: ")) from None
        elif value not in MODES:
            raise ValueError(unknown_value(value, AUGMENTS))
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _expand_home(cls, value: Any, info: ValidationInfo) -> Any:
        is_path = isinstance(value, str) and fact(info.field_name or "", "path")
        return expand(value) if is_path else value

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        try:
            if not is_import_path(self.model):
                check_name(self.model)
        except ValueError as error:
            raise ValueError(f"model: {error}") from None
        try:
            check_encoding(self.encoding)
        except UserError as error:
            raise ValueError(str(error)) from None
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, 3):
                raise ValueError(f"{name}: give 1 or 3 values, got {len(values)}")
        check_normalisation(self.mean, self.std)
        if self.base is not None and not is_mix(self.augment):
            raise ValueError(f"base: only with a mixing method ({', '.join(MIXES)})")
        if self.freeze_backbone and self.weights is None:
            raise ValueError("freeze_backbone: only with weights, which the backbone keeps")
        if self.train_transforms is not None and "augment" not in self.model_fields_set:
            raise ValueError("train_transforms: say with --augment what mixing goes with them: no, "
                             f"or {', '.join(MIXES)}")  # fmt: skip
        if self.sampling == "balanced" and self.oversample == "smote":
            raise ValueError("sampling: balanced does nothing after oversample smote; choose one")
        for name in ("train_transforms", "eval_transforms"):
            spec = getattr(self, name)
            try:
                build_transforms(spec or [])
            except UserError as error:
                reason = str(error).removeprefix("transforms: ")
                raise ValueError(f"{name}: {reason}") from None
        start, end = self.pairing_start, self.pairing_end
        if start is not None and end is not None and start > end:
            raise ValueError("pairing_start: must not be after pairing_end")
        return self

    def filled(self) -> "Config":
        """The options with the defaults for the bundled digits, where these are used."""
        if not uses_digits(self.data):
            return self
        given = self.model_fields_set
        return self.model_copy(update={k: v for k, v in DIGITS_DEFAULTS.items() if k not in given})

    def mix_setting(self, name: str) -> Any:
        """An option of mixing that a method has a default for (see `Mixing`): the user's value, or
        the method's own."""
        value = getattr(self, name)
        return getattr(mixing_of(self.augment), name) if value is None else value

    @property
    def mode(self) -> str:
        """The name of the run's folder and curves: --augment, or the last part of an import
        path."""
        return short_name(self.augment)

    @property
    def image_part(self) -> str:
        """Name of the image part: the base augmentation under a mix, or the policy itself."""
        return image_part(self.augment, self.base)

    def difference(self) -> dict[str, Any]:
        """The options that differ from the defaults."""
        return {k: v for k, v in self.dump().items() if v != _DEFAULTS.get(k)}

    def dump(self) -> dict[str, Any]:
        """All options as plain values, for YAML and JSON."""
        return self.model_dump(mode="json")


_DEFAULTS = Config().dump()


def fact(name: str, about: str) -> Any:
    """A fact about an option: "group", "used_with", "free_on_resume", "studied", "path", "words"."""
    return cast(dict[str, Any], Config.model_fields[name].json_schema_extra)[about]


def options_that_are(about: str) -> frozenset[str]:
    """Names of the options that are "free_on_resume" or "studied"."""
    return frozenset(name for name in Config.model_fields if fact(name, about))


def load_config(values: dict[str, Any], where: str | Mapping[str, str] = "") -> Config:
    """Check the values and make a Config; UserError names the key and what is allowed.

    where: what the error begins with, such as "FILE: "; of each option, where they come from
    different places.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        fields = PolicyOptions.__dataclass_fields__
        raise UserError(explain(error, where, _DEFAULTS, fields)) from None


def load_trained_config(values: dict[str, Any], where: str = "") -> Config:
    """The options of a trained model, for using it.

    How its training images were augmented does not matter, so a user's own code for it is not
    imported.
    """
    if is_import_path(values.get("augment")):
        values = {**values, "augment": "no", "base": None}
    return load_config(values, where)
