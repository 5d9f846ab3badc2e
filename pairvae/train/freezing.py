"""Parts of the networks that do not learn, or not yet."""

from torch import nn

from pairvae.models.pairvae import PairVAE
from pairvae.settings import JointTrain


def layers_from_code(network: nn.Module, part: str) -> list[nn.Module]:
    """Modules with parameters of their own, those nearest to the code first.

    Parameters
    ----------
    network : ResVAE
    part : {"encoder", "decoder"}
    """
    layers = [
        module
        for name, module in network.named_modules()
        if name.startswith("encoder.") == (part == "encoder")  # the rest belongs to the decoder
        and next(module.parameters(recurse=False), None) is not None
    ]
    return layers[::-1] if part == "encoder" else layers


def freeze(network: PairVAE, settings: JointTrain, share: float) -> None:
    """Let the layers learn that shall learn when a share of the training is over.

    Parts in `frozen` thaw layer by layer, evenly over the first `unfreeze_fraction`, those nearest to the code first.

    Parameters
    ----------
    network : PairVAE
        Its parameters are marked in place.
    settings : JointTrain
        Which parts are frozen, and over which share of the training they thaw.
    share : float
        How much of the training is over, 0 to 1.

    References
    ----------
    Howard and Ruder, Universal language model fine-tuning for text classification, ACL 2018, section 3.3.
    """
    for name in settings.frozen:
        technique, part = name.split(".")
        layers = layers_from_code(network.of(technique), part)
        fraction = settings.unfreeze_fraction
        thawed = 0 if fraction is None else int(len(layers) * min(1.0, share / fraction))
        for place, layer in enumerate(layers):
            learns = place < thawed
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(learns)
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.train(learns)  # its statistics stay, too, until it thaws
