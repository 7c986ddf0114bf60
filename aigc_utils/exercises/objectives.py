"""The misconceptions that each chapter's exercises bring to light."""

# The misconceptions of each chapter, by the chapter's name.
MISCONCEPTIONS: dict[str, tuple[str, ...]] = {
    "01_cnn": (
        "filters are designed by hand",
        "pooling gives full invariance",
        "softmax output = confidence",
        "softmax before CrossEntropyLoss",
        "forgetting eval()",
        "tuning on the test set",
    ),
    "02_gan": (
        "falling generator loss = better images",
        "the discriminator should win",
        "50 % accuracy proves convergence",
        "collapse = memorising",
        "the generator sees real data",
        "a Fréchet distance means something without its feature network and floor",
    ),
    "03_vae": (
        "the noise is a trick",
        "the KL term is optional",
        "blur comes from KL alone",
        "latents disentangle by themselves",
        "ELBO = log-likelihood",
        "log-variance against sigma",
        "BCE on grey pixels is a Bernoulli likelihood",
    ),
    "04_gpt": (
        "attention = explanation",
        "tokens = words",
        "temperature adds knowledge",
        "the model looks text up",
        "the mask matters only at inference",
        "more heads = more parameters",
        "comparing perplexity across tokenisers",
        "GPT has an encoder",
    ),
}
