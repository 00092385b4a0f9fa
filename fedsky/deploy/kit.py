"""An owner's kit: what it needs beside its photographs, and how it goes on from there, in English and Chinese."""

from pathlib import Path

from fedsky import __version__
from fedsky.deploy.keys import write as write_file

OWNER = """\
# All that an owner says. Paths are seen from this file's folder.
owner: {name}
superlink: {address}
certificate: ca.crt
key: {name}.key            # keep it secret: whoever has it is {name}
photographs: photographs   # a folder with one folder a class, or with a manifest.csv
home: home                 # decoded photographs, the client's states, node.log, the models
leaves:                    # what may leave this machine; photographs, paths and file names never do
  weights: true            # the model after training here
  counts: true             # numbers of photographs by class; numbers of right and wrong answers; losses
  predictions: false       # what the final model says of each test photograph, without names
"""

INSTRUCTIONS = """\
# Kit of {name} · {name} 的套件

## English

1. Install fedsky {version}: the same version as the server's. Your machine runs this code, not code that is sent.
2. Put this folder on the machine that has the photographs. Keep `{name}.key` secret.
3. Write into `owner.yaml` where the photographs are, and what may leave.
4. Try it: `python -m fedsky.deploy check owner.yaml`. Every line must say ok.
5. Take part: `python -m fedsky.node owner.yaml`. Ctrl-C ends it. It only calls {address}; nobody calls your machine.
   To have it start with the machine: `fedsky-node.service` (systemd) or `compose.yaml` (Docker).

What leaves is written, message by message, into `home/node.log`; the final model is kept in `home/models`.
A model can tell something of the photographs that it learned from: read docs/deployment.md before you agree.
Key lost or stolen? Tell the administrator at once: `rotate` makes another, and the old one is refused from then on.

## 中文

1. 安装 fedsky {version}，与服务器的版本相同。您的机器只运行您自己安装的代码，不运行发来的代码。
2. 把本文件夹放到存有照片的机器上。请妥善保管 `{name}.key`，不要交给任何人。
3. 在 `owner.yaml` 中写明照片的位置，以及允许哪些内容离开。
4. 检查：`python -m fedsky.deploy check owner.yaml`。每一行都应显示 ok。
5. 参加：`python -m fedsky.node owner.yaml`。按 Ctrl-C 结束。它只连接 {address}；没有人会连接您的机器。
   若要随机器启动：`fedsky-node.service`（systemd）或 `compose.yaml`（Docker）。

每条消息离开了什么都记录在 `home/node.log` 中；最终的模型保存在 `home/models`。
模型可能透露出它所学照片的一些信息：同意之前请先阅读 docs/deployment.md。
密钥丢失或被盗？请立即告诉管理员：`rotate` 会生成新的密钥，旧密钥从此被拒绝。
"""

SERVICE = """\
# /etc/systemd/system/fedsky-node.service; this folder at /opt/fedsky-kit, fedsky in /opt/fedsky; before:
#   useradd --system fedsky; chown -R fedsky /opt/fedsky-kit
[Unit]
Description=fedsky node of {name}
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/opt/fedsky/bin/python -m fedsky.node /opt/fedsky-kit/owner.yaml
Restart=always
RestartSec=5
User=fedsky
ProtectSystem=strict
ReadWritePaths=/opt/fedsky-kit/home
NoNewPrivileges=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
"""

COMPOSE = """\
# docker compose up -d; the photographs are mounted for reading alone; the image is one in which fedsky is installed
services:
  node:
    image: fedsky:{version}
    command: python -m fedsky.node /kit/owner.yaml
    restart: always
    volumes:
      - .:/kit:ro
      - ./photographs:/kit/photographs:ro
      - ./home:/kit/home
"""


def write(folder: Path, name: str, address: str, certificate: bytes) -> None:
    """Writes the kit of an owner who reaches the server at an address; an owner.yaml that is there stays."""
    words = {"name": name, "address": address, "version": __version__}
    files = {"owner.yaml": OWNER, "README.md": INSTRUCTIONS, "fedsky-node.service": SERVICE, "compose.yaml": COMPOSE}
    (folder / "home").mkdir(parents=True, exist_ok=True)  # systemd and Docker mount it
    write_file(folder / "ca.crt", certificate)
    for file, text in files.items():
        if file != "owner.yaml" or not (folder / file).exists():
            write_file(folder / file, text.format(**words).encode())
