"""The simple convolutional networks of the field's papers, for images [n, 3, size, size]."""

from torch import nn

from fedsky import checks
from fedsky.config.start import check_name

KINDS = ("niid", "mcmahan")


class SimpleCNN(nn.Sequential):
    """niid: that of NIID-Bench (Li et al. 2022, as FedMA has it); mcmahan: that of McMahan et al. (2017).

    niid: convolutions of 6 and 16 channels, 5 x 5, each with a 2 x 2 maximum, and linear layers of 120 and 84 units;
    62,006 parameters at 32 pixels and 10 classes. mcmahan: with 32 and 64 channels, whose convolutions keep the size,
    and one linear layer of 512. size: pixels a side, 16 or more for niid, 4 or more for mcmahan.
    """

    def __init__(self, num_classes: int, size: int, kind: str = "niid", weights: None = None) -> None:
        if weights is not None:
            check_name(weights, "simple_cnn", ())
        checks.choice("model.kind", kind, KINDS)
        is_niid = kind == "niid"
        if size < (least := 16 if is_niid else 4):
            raise ValueError(f"model=simple_cnn: images of {size} pixels are too small: set data.size={least} or more")
        channels, units, padding = ((6, 16), (120, 84), 0) if is_niid else ((32, 64), (512,), 2)
        layers: list[nn.Module] = []
        before = 3
        for after in channels:
            layers += [nn.Conv2d(before, after, 5, padding=padding), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            before, size = after, (size - 4 + 2 * padding) // 2
        before *= size**2
        layers.append(nn.Flatten())
        for after in units:
            layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
            before = after
        super().__init__(*layers, nn.Linear(before, num_classes))
