# A run that starts from a trained model pretrains nothing.
# Like the manifest, it lies where the configuration says, whatever prefix a module has.
START = {name: local(file) for name, file in start_files(config).items()}
PRETRAINED = {
    f"pretrained_{t}": RUNS.at(f"pretrain.{t}", f"pretrain/{t}/weights.safetensors")
    for t in ("saxs", "sans")
    if not START
}
TRAINING = {"cpu": "../envs/pairvae.yaml", "gpu": "../envs/pairvae-gpu.yaml"}


# The resume folders are no outputs: Snakemake deletes the outputs of a failed job, and a killed training shall go
# on from its last epoch. `exec` lets a signal reach the training instead of a shell that waits for it.
rule pretrain:
    input:
        spectra=RUNS.at("normalize.{technique}", "spectra/{technique}.h5"),
        pairs=RUNS.at("pair", "pairs.csv"),
        settings=f"{RUN}/settings/pretrain.{{technique}}.json",
    output:
        weights=f"{RUN}/pretrain/{{technique}}/weights.safetensors",
        history=f"{RUN}/pretrain/{{technique}}/history.csv",
    log:
        f"{RUN}/logs/pretrain/{{technique}}.log",
    benchmark:
        f"{RUN}/benchmarks/pretrain/{{technique}}.tsv"
    priority: 1  # before baselines: joint_train, the longest, waits for it
    conda:
        TRAINING[config["environment"]]
    threads: 1
    resources:
        gpu=0,  # a cluster's profile asks for one; without a batch system nobody has to
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        resume=lambda wildcards, output: f"{Path(output.weights).parent}/resume",
        gpus=gpus,
    shell:
        "exec pairvae pretrain --spectra {input.spectra} --pairs {input.pairs} --settings {input.settings}"
        " --weights {output.weights} --history {output.history} --resume {params.resume}"
        " --threads {threads} --gpus {params.gpus} &> {log}"


rule joint_train:
    input:
        **START,
        **PRETRAINED,
        saxs=RUNS.at("normalize.saxs", "spectra/saxs.h5"),
        sans=RUNS.at("normalize.sans", "spectra/sans.h5"),
        pairs=RUNS.at("pair", "pairs.csv"),
        settings=f"{RUN}/settings/joint_train.json",
    output:
        weights=f"{RUN}/joint_train/{{member}}/weights.safetensors",
        history=f"{RUN}/joint_train/{{member}}/history.csv",
    log:
        f"{RUN}/logs/joint_train/{{member}}.log",
    benchmark:
        f"{RUN}/benchmarks/joint_train/{{member}}.tsv"
    conda:
        TRAINING[config["environment"]]
    threads: 1
    resources:
        gpu=0,
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        pretrained=lambda wildcards, input: [
            f"--{name.replace('_', '-')} {input[name]}" for name in PRETRAINED
        ],
        start=start_checksum(config),  # a file may change and keep its date
        resume=lambda wildcards, output: f"{Path(output.weights).parent}/resume",
        gpus=gpus,
    shell:
        "exec pairvae joint_train --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " {params.pretrained} --settings {input.settings} --weights {output.weights} --history {output.history}"
        " --resume {params.resume} --member {wildcards.member} --threads {threads} --gpus {params.gpus} &> {log}"


rule baselines:
    input:
        saxs=RUNS.at("normalize.saxs", "spectra/saxs.h5"),
        sans=RUNS.at("normalize.sans", "spectra/sans.h5"),
        pairs=RUNS.at("pair", "pairs.csv"),
        curves_saxs=RUNS.at(CURVES, "curves/saxs.h5"),
        curves_sans=RUNS.at(CURVES, "curves/sans.h5"),
        pretrain_saxs=RUNS.at("pretrain.saxs", "settings/pretrain.saxs.json"),
        pretrain_sans=RUNS.at("pretrain.sans", "settings/pretrain.sans.json"),
        settings=f"{RUN}/settings/baselines.json",
    output:
        predictions=f"{RUN}/baselines/predictions.h5",
    log:
        f"{RUN}/logs/baselines.log",
    benchmark:
        f"{RUN}/benchmarks/baselines.tsv"
    conda:
        TRAINING[config["environment"]]
    threads: 1
    resources:
        gpu=0,
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        resume=lambda wildcards, output: f"{Path(output.predictions).parent}/resume",
        gpus=gpus,
    shell:
        "exec pairvae baselines --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " --curves-saxs {input.curves_saxs} --curves-sans {input.curves_sans}"
        " --pretrain-saxs {input.pretrain_saxs} --pretrain-sans {input.pretrain_sans}"
        " --settings {input.settings} --predictions {output.predictions}"
        " --resume {params.resume} --threads {threads} --gpus {params.gpus} &> {log}"
