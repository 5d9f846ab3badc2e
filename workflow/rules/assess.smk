# Only a simulation knows the curves without noise.
TRUTH = (
    {}
    if config["samples"]
    else {f"truth_{t}": RUNS.at("simulate", f"truth/{t}.h5") for t in ("saxs", "sans")}
)

# Files, not their folder: of a file Snakemake knows the checksum, so that a copy with other dates trains nothing.
MODEL = ["weights.safetensors", "model.json", "SHA256SUMS"]


rule calibrate:
    input:
        saxs=RUNS.at("normalize.saxs", "spectra/saxs.h5"),
        sans=RUNS.at("normalize.sans", "spectra/sans.h5"),
        pairs=RUNS.at("pair", "pairs.csv"),
        weights=RUNS.of_members("weights.safetensors"),
        normalize_saxs=RUNS.at("normalize.saxs", "settings/normalize.saxs.json"),
        normalize_sans=RUNS.at("normalize.sans", "settings/normalize.sans.json"),
        settings=f"{RUN}/settings/calibrate.json",
    output:
        model=expand(f"{RUN}/model/{{file}}", file=MODEL, allow_missing=True),
    log:
        f"{RUN}/logs/calibrate.log",
    benchmark:
        f"{RUN}/benchmarks/calibrate.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        model=lambda wildcards, output: f"{Path(output.model[0]).parent}",
        weights=lambda wildcards, input: [f"--weights {path}" for path in input.weights],
    shell:
        "pairvae calibrate --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " {params.weights} --normalize-saxs {input.normalize_saxs}"
        " --normalize-sans {input.normalize_sans} --settings {input.settings}"
        " --model {params.model} --threads {threads} &> {log}"


rule evaluate:
    input:
        **TRUTH,
        model=RUNS.each_of("calibrate", "model", MODEL),
        saxs=RUNS.at("normalize.saxs", "spectra/saxs.h5"),
        sans=RUNS.at("normalize.sans", "spectra/sans.h5"),
        pairs=RUNS.at("pair", "pairs.csv"),
        baselines=RUNS.at("baselines", "baselines/predictions.h5"),
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
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        model=lambda wildcards, input: f"{Path(input.model[0]).parent}",
        truth=lambda wildcards, input: " ".join(
            f"--{name.replace('_', '-')} {input[name]}" for name in TRUTH
        ),
    shell:
        "pairvae evaluate --model {params.model} --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " --baselines {input.baselines} --settings {input.settings} --metrics {output.metrics}"
        " --predictions {output.predictions} {params.truth} --threads {threads} &> {log}"


PRETRAIN_HISTORIES = {
    f"pretrain_{t}": RUNS.at(f"pretrain.{t}", f"pretrain/{t}/history.csv")
    for t in ("saxs", "sans")
    if not START
}


rule report:
    input:
        **PRETRAIN_HISTORIES,
        metrics=RUNS.at("evaluate", "metrics.json"),
        predictions=RUNS.at("evaluate", "predictions.h5"),
        model=RUNS.each_of("calibrate", "model", MODEL),
        joint_train=RUNS.of_members("history.csv"),
        settings=f"{RUN}/settings/report.json",
    output:
        report=report(
            f"{RUN}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"page": "the whole report, interactive"},
        ),
        figures=report(
            directory(f"{RUN}/figures"),
            patterns=["{section}.html"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"section": "{section}"},
        ),
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/benchmarks/report.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        model=lambda wildcards, input: f"{Path(input.model[0]).parent}",
        # no input: run times change without a change of the results
        benchmarks=lambda wildcards, output: f"{Path(output.report).parent}/benchmarks",
        histories=lambda wildcards, input: [
            f"--history {path}"
            for path in (
                *(input[name] for name in PRETRAIN_HISTORIES),
                *input.joint_train,
            )
        ],
    shell:
        "pairvae report --metrics {input.metrics} --predictions {input.predictions} --model {params.model}"
        " {params.histories} --settings {input.settings} --benchmarks {params.benchmarks}"
        " --output {output.report} --figures {output.figures} &> {log}"


if config["sweep"]:

    rule compare:
        input:
            metrics=expand(f"{RUN}/metrics.json", run=RUNS.combinations),
        output:
            report=f"results/{RUNS.home}/report.html",
            table=f"results/{RUNS.home}/comparison.csv",
        log:
            f"results/{RUNS.home}/logs/compare.log",
        benchmark:
            f"results/{RUNS.home}/benchmarks/compare.tsv"
        localrule: True
        conda:
            "../envs/pairvae.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 1000 * attempt,
            runtime=lambda wildcards, attempt: 10 * attempt,
        params:
            sweep=json.dumps(config["sweep"]),
        shell:
            "pairvae compare --sweep {params.sweep:q} --output {output.report} --table {output.table}"
            " {input.metrics} &> {log}"
