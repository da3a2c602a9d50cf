"""From options to a mixing method with its numbers and phases."""

from paddle_aug.config import Config
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import counted, flag
from paddle_aug.mix.methods import MixPolicy, Numbers
from paddle_aug.mix.own_method import check_in_run
from paddle_aug.mix.phases import PairingSchedule, always_on
from paddle_aug.modes import draws_lam, has_partners, is_mix, mixing_of


def build_mix_policy(config: Config) -> MixPolicy | None:
    """The mixing part of --augment, or None where nothing is mixed.

    Raises UserError where a Method of the user's own does not take what such a run gives it.
    """
    if not is_mix(config.augment) or why_nothing_is_mixed(config):
        return None
    policy = MixPolicy(
        method=config.augment,
        partner=config.mix_setting("partner"),
        probability=config.mix_setting("mix_prob"),
        phases=build_phases(config),
        numbers=Numbers(config.mix_setting("alpha") or 0.0, config.cutout_size),
        pairs=config.mix_setting("pairs") or "replacement",
        draws=config.mix_setting("mix_draws"),
    )
    if is_import_path(config.augment):
        check_in_run(policy, config.channels, config.image_size)
    return policy


def why_nothing_is_mixed(config: Config) -> str | None:
    """Why a run with a mixing method mixes in no epoch, or None where it does."""
    if not is_mix(config.augment):
        return None
    if config.mix_setting("mix_prob") == 0:
        return "--mix-prob is 0"
    if draws_lam(config.augment) and config.mix_setting("alpha") == 0:
        return "--alpha is 0, so that lam is 1"
    alone = config.batch_size == 1 and config.mix_setting("partner") == "batch"
    if alone and has_partners(config.augment):
        return "--batch-size is 1, and partners come from the batch (--partner)"
    phases = build_phases(config)
    if not any(phases.is_active(epoch) for epoch in range(config.epochs)):
        return (
            f"of {counted(config.epochs, 'epoch')} none lies in the mixing's phases "
            "(--pairing-start, --pairing-end, --mix-off-last)"
        )
    return None


def phases_without_effect(config: Config) -> list[str]:
    """A line for each option of the phases without which the same epochs would mix."""
    if not is_mix(config.augment) or why_nothing_is_mixed(config):
        return []
    defaults = dict.fromkeys(("pairing_start", "pairing_end", "pairing_on", "pairing_off"))
    given = config.difference()
    epochs = _epochs_with_mixing(config)
    return [
        f"{flag(name)} {given[name]} has no effect: without it the same epochs mix"
        for name, default in {**defaults, "mix_off_last": 0}.items()
        if name in given and _epochs_with_mixing(config, **{name: default}) == epochs
    ]


def _epochs_with_mixing(config: Config, **changes: int | None) -> list[int]:
    phases = build_phases(config.model_copy(update=changes))
    return [epoch for epoch in range(config.epochs) if phases.is_active(epoch)]


def build_phases(config: Config) -> PairingSchedule:
    """Epochs with mixing: the method's own phases, changed by the options that were given."""
    if mixing_of(config.augment).phases == "samplePairing":
        own = PairingSchedule.for_epochs(config.epochs)
    else:
        own = always_on(config.epochs)
    start = own.start if config.pairing_start is None else config.pairing_start
    end = own.end if config.pairing_end is None else config.pairing_end
    end = min(end, config.epochs - config.mix_off_last)
    return PairingSchedule(
        min(start, max(end, 0)),
        max(end, 0),
        own.on if config.pairing_on is None else config.pairing_on,
        own.off if config.pairing_off is None else config.pairing_off,
    )
