"""In the loop of a framework: hand one of these, made with the trial, to its list of callbacks.

    model.fit(…, epochs=trial.until, initial_epoch=trial.epoch, callbacks=[KerasCallback(trial)])
    lightning.Trainer(max_epochs=trial.until, callbacks=[LightningCallback(trial)])
    transformers.Trainer(…, callbacks=[TransformersCallback(trial)])       # with eval_strategy="epoch"

Tried with Keras 3.15 and Lightning 2.6. They import none of the frameworks: what these call and we have no use for is
answered with nothing. Each reports once an epoch and ends the training where Hone asks for it, or at the job's last epoch.
save(trial) is called before each report; it may call trial.save(…).
"""
from typing import Any, Callable, Dict, Mapping, Optional

from .trainer import Trial

__all__ = ["KerasCallback", "LightningCallback", "TransformersCallback"]


class _Callback:
    def __init__(self, trial: Trial, save: Optional[Callable[[Trial], Any]] = None) -> None:
        self.trial, self.save = trial, save

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("on_", "set_", "setup", "teardown", "_implements")):
            return lambda *args, **more: None
        raise AttributeError(name)

    def _report(self, metrics: Mapping[str, Any]) -> bool:
        """Says whether the training is to end."""
        if self.save:
            self.save(self.trial)
        self.trial.report(metrics)
        return self.trial.stopped or self.trial.epoch >= self.trial.until


class KerasCallback(_Callback):
    """Of Keras 2 and 3: reports the logs of each epoch."""

    model: Any = None

    def set_model(self, model: Any) -> None:
        self.model = model

    def on_epoch_end(self, epoch: int, logs: Optional[Dict[str, Any]] = None) -> None:
        if self._report(logs or {}):
            self.model.stop_training = True


class LightningCallback(_Callback):
    """Of PyTorch Lightning: reports callback_metrics, what self.log(…) collected, after each epoch's validation."""

    state_key = "hone"

    def state_dict(self) -> Dict[str, Any]:
        return {}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        pass

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking and self._report(dict(trainer.callback_metrics)):
            trainer.should_stop = True


class TransformersCallback(_Callback):
    """Of Hugging Face Trainer: reports each evaluation, one an epoch with eval_strategy="epoch"."""

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Optional[Dict[str, Any]] = None, **more: Any) -> None:
        if self._report({name: value for name, value in (metrics or {}).items() if name != "epoch"}):
            control.should_training_stop = True
