"""What a PPO step measured, and where people see it: metrics, samples, alarms."""

from rlhf.training import alarms, diversity, ppo_held_out, ppo_math, rollout
from rlhf.training.generation import Generated
from rlhf.training.ppo_setting import Setting
from rlhf.training.ppo_state import Progress
from rlhf.training.ppo_update import Rollout

SHOW_EVERY = 4


def measured(
    setting: Setting,
    experience: Rollout,
    generated: list[Generated],
    updates: list[dict[str, float]],
    *,
    seconds: float,
) -> dict[str, float]:
    """Return the metrics of a step; the names are those of docs/training.md."""
    mask, texts = experience.batch.response_mask, [one.ids for one in generated]
    means = {name: sum(u[name] for u in updates) / len(updates) for name in updates[0]}
    also = {"ngram_perplexity": setting.ngrams.perplexity(texts)} if setting.ngrams else {}
    if setting.judge.trust and experience.distances is not None:
        outside = setting.judge.trust.outside_rate(experience.distances)
        also |= {"distance": experience.distances.mean().item(), "outside_rate": outside}
    if not setting.writer.knows:
        drawn = rollout.per_token([one.logprobs for one in generated], experience.batch)
        also["sampler_gap"] = ppo_math.masked_mean((drawn - experience.old.logprobs).abs(), mask).item()
    if experience.spread is not None:
        also["uncertainty"] = experience.spread.mean().item()
    if experience.watched is not None:
        also |= {
            "scaled_score": (experience.scores.mean().item() - setting.score_mean) / setting.score_std,
            "watched_score": experience.watched.mean().item(),
        }
    return (
        means
        | also
        | {
            "score": experience.scores.mean().item(),
            "kl": experience.kl.sum(1).mean().item(),
            "kl_k3": experience.kl_k3.sum(1).mean().item(),
            "kl_per_token": ppo_math.masked_mean(experience.kl, mask).item(),
            "entropy": ppo_math.masked_mean(experience.old.entropies, mask).item(),
            "length": mask.sum(1).mean().item(),
            "eos_rate": sum(one.is_finished for one in generated) / len(generated),
            "distinct_2": diversity.distinct(texts, 2),
            "self_bleu": diversity.self_bleu(texts),
            "repetition": diversity.repetition(texts),
            "explained_variance": ppo_math.explained_variance(experience.old.values, experience.returns, mask).item(),
            "updates": float(len(updates)),
            "tokens_per_second": mask.sum().item() / seconds,
            "seconds": seconds,
        }
    )


def report(setting: Setting, progress: Progress) -> None:
    """Write the newest step's metrics, completions and alarms."""
    step, config, values = progress.step, setting.config, progress.history[-1]
    setting.directory.append_metric(step, values)
    print(f"step {step}/{config.steps}  " + "  ".join(f"{k} {v:.3g}" for k, v in values.items()), flush=True)
    if step % SHOW_EVERY == 0:
        ppo_held_out.show(setting, step=step)
    if config.alarms != "off":
        for alarm in alarms.check(progress.history, raised=progress.alarms):
            progress.alarms.append(alarm)
            setting.directory.append_alarm(alarm._asdict())
            print(f"alarm at step {alarm.step}: {alarm.sentence}", flush=True)
