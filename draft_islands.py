"""Islands experiments: python isl.py steps batch r1 G_rate D_rate beta1 width ema seed..."""
import sys, os, time
sys.path.insert(0, os.getcwd())
import torch; torch.set_num_threads(1)
from benchmarks import gan_islands
play = gan_islands.chapter_game(); ns = play.__globals__
from torch.nn import functional as F
from aigc_utils import schedules, gan
from aigc_utils.plotting import one_way
import torch.nn as nn
def game(seed, steps=1500, batch=128, r1=0.2, g=0.0015, d=0.03, b1=0.5, width=48, ema=0, warm=0.0):
    from aigc_utils import training
    rng = training.seed_everything(seed)
    net = lambda o: nn.Sequential(nn.Linear(2,width), nn.ReLU(), nn.Linear(width,width), nn.ReLU(), nn.Linear(width,o))
    G, D = net(2), net(1)
    Go = torch.optim.Adam(G.parameters(), g, betas=(b1,.9)); Do = torch.optim.Adam(D.parameters(), d, betas=(b1,.9))
    step = ns["make_step"](G, D, Go, Do, r1); sch = schedules.one_cycle(Go, Do, warmup=warm)
    avg = gan.EMA(G, ema) if ema else None
    t = time.perf_counter(); hist = []
    for i in range(steps):
        sch(i/steps)
        step((ns["islands"](batch, rng), torch.randn(batch, 2, generator=rng)))
        if avg: avg.update(G)
        if (i+1) % (steps//6) == 0:
            s = ns["look"](avg.network if avg else G, D, i+1, rng); hist.append((s.modes, round(s.share,2), round(one_way(s.pull),2)))
    return hist, time.perf_counter()-t
if __name__ == "__main__":
    kw = dict(a.split("=") for a in sys.argv[1:])
    seeds = [int(x) for x in kw.pop("seeds", "0,1,2").split(",")]
    kw = {k: (int(v) if k in ("steps","batch","width") else float(v)) for k, v in kw.items()}
    for s in seeds:
        h, t = game(s, **kw); print(kw, s, h, f"{t:.1f}s", flush=True)
