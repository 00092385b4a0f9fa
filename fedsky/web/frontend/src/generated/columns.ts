/** Written by python -m fedsky.web.facts: change it there. */
export const FINAL_METRICS = [
  "balanced_accuracy",
  "accuracy",
  "loss"
] as const
export const ROUND_METRICS = [
  "loss",
  "accuracy",
  "balanced_accuracy",
  "validation_loss",
  "validation_accuracy",
  "train_loss",
  "global_train_loss",
  "num_trained",
  "num_failures",
  "num_steps",
  "bytes_up",
  "bytes_down",
  "virtual_seconds",
  "epsilon",
  "clip_norm"
] as const
export const CLIENT_METRICS = [
  "num_examples",
  "num_test",
  "loss",
  "accuracy",
  "balanced_accuracy",
  "validation_loss",
  "validation_accuracy",
  "train_loss",
  "pooled_accuracy",
  "pooled_balanced_accuracy",
  "num_steps",
  "bytes_up",
  "bytes_down",
  "virtual_seconds",
  "staleness"
] as const
export const COLUMNS = {
  "loss": {
    "unit": "nats",
    "isFraction": false,
    "en": "Loss",
    "zh": "损失"
  },
  "accuracy": {
    "unit": "fraction",
    "isFraction": true,
    "en": "Accuracy",
    "zh": "准确率"
  },
  "balanced_accuracy": {
    "unit": "fraction",
    "isFraction": true,
    "en": "Balanced accuracy",
    "zh": "平衡准确率"
  },
  "validation_loss": {
    "unit": "nats",
    "isFraction": false,
    "en": "Validation loss",
    "zh": "验证损失"
  },
  "validation_accuracy": {
    "unit": "fraction",
    "isFraction": true,
    "en": "Validation accuracy",
    "zh": "验证准确率"
  },
  "train_loss": {
    "unit": "nats",
    "isFraction": false,
    "en": "Training loss",
    "zh": "训练损失"
  },
  "global_train_loss": {
    "unit": "nats",
    "isFraction": false,
    "en": "Global model's training loss",
    "zh": "全局模型的训练损失"
  },
  "num_trained": {
    "unit": "clients",
    "isFraction": false,
    "en": "Clients that trained",
    "zh": "参与训练的客户端"
  },
  "num_failures": {
    "unit": "clients",
    "isFraction": false,
    "en": "Clients that failed",
    "zh": "失败的客户端"
  },
  "num_steps": {
    "unit": "steps",
    "isFraction": false,
    "en": "Local steps",
    "zh": "本地步数"
  },
  "bytes_up": {
    "unit": "bytes",
    "isFraction": false,
    "en": "Bytes sent up",
    "zh": "上传字节数"
  },
  "bytes_down": {
    "unit": "bytes",
    "isFraction": false,
    "en": "Bytes sent down",
    "zh": "下载字节数"
  },
  "virtual_seconds": {
    "unit": "seconds",
    "isFraction": false,
    "en": "Virtual seconds",
    "zh": "虚拟秒数"
  },
  "epsilon": {
    "unit": "",
    "isFraction": false,
    "en": "Privacy spent (epsilon)",
    "zh": "已用的隐私预算（epsilon）"
  },
  "clip_norm": {
    "unit": "",
    "isFraction": false,
    "en": "Norm to which updates are clipped",
    "zh": "更新被裁剪到的范数"
  },
  "num_examples": {
    "unit": "images",
    "isFraction": false,
    "en": "Training images",
    "zh": "训练照片"
  },
  "num_test": {
    "unit": "images",
    "isFraction": false,
    "en": "Test images",
    "zh": "测试照片"
  },
  "pooled_accuracy": {
    "unit": "fraction",
    "isFraction": true,
    "en": "Accuracy on everyone's images",
    "zh": "在所有人照片上的准确率"
  },
  "pooled_balanced_accuracy": {
    "unit": "fraction",
    "isFraction": true,
    "en": "Balanced accuracy on everyone's images",
    "zh": "在所有人照片上的平衡准确率"
  },
  "staleness": {
    "unit": "steps",
    "isFraction": false,
    "en": "Staleness",
    "zh": "陈旧度"
  }
} as const
