# Only a simulation knows the curves without noise.
TRUTH = (
    {}
    if config["samples"]
    else {f"truth_{t}": f"{RUN}/truth/{t}.h5" for t in ("saxs", "sans")}
)


rule calibrate:
    input:
        saxs=f"{RUN}/spectra/saxs.h5",
        sans=f"{RUN}/spectra/sans.h5",
        pairs=f"{RUN}/pairs.csv",
        weights=expand(
            f"{RUN}/joint_train/{{member}}/weights.safetensors", member=MEMBERS
        ),
        normalize_saxs=f"{RUN}/settings/normalize.saxs.json",
        normalize_sans=f"{RUN}/settings/normalize.sans.json",
        settings=f"{RUN}/settings/calibrate.json",
    output:
        model=directory(f"{RUN}/model"),
    log:
        f"{RUN}/logs/calibrate.log",
    benchmark:
        f"{RUN}/benchmarks/calibrate.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime="1h",
    params:
        weights=lambda wildcards, input: [f"--weights {path}" for path in input.weights],
    shell:
        "pairvae calibrate --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " {params.weights} --normalize-saxs {input.normalize_saxs}"
        " --normalize-sans {input.normalize_sans} --settings {input.settings}"
        " --model {output.model} &> {log}"


rule evaluate:
    input:
        **TRUTH,
        model=f"{RUN}/model",
        saxs=f"{RUN}/spectra/saxs.h5",
        sans=f"{RUN}/spectra/sans.h5",
        pairs=f"{RUN}/pairs.csv",
        baselines=f"{RUN}/baselines/predictions.h5",
        settings=f"{RUN}/settings/evaluate.json",
    output:
        metrics=f"{RUN}/metrics.json",
        predictions=f"{RUN}/predictions.h5",
    log:
        f"{RUN}/logs/evaluate.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime="1h",
    params:
        truth=" ".join(
            f"--{name.replace('_', '-')} {path}" for name, path in TRUTH.items()
        ),
    shell:
        "pairvae evaluate --model {input.model} --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " --baselines {input.baselines} --settings {input.settings} --metrics {output.metrics}"
        " --predictions {output.predictions} {params.truth} --threads {threads} &> {log}"


rule report:
    input:
        metrics=f"{RUN}/metrics.json",
        predictions=f"{RUN}/predictions.h5",
        model=f"{RUN}/model",
        histories=[
            *(
                f"{RUN}/pretrain/{t}/history.csv"
                for t in ("saxs", "sans")
                if not START
            ),
            *expand(f"{RUN}/joint_train/{{member}}/history.csv", member=MEMBERS),
        ],
        settings=f"{RUN}/settings/report.json",
    output:
        report=f"{RUN}/report.html",
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/benchmarks/report.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime="30m",
    params:
        histories=lambda wildcards, input: [
            f"--history {path}" for path in input.histories
        ],
    shell:
        "pairvae report --metrics {input.metrics} --predictions {input.predictions} --model {input.model}"
        " {params.histories} --settings {input.settings} --output {output.report} &> {log}"
