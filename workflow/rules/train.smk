# A run that starts from a trained model pretrains nothing.
START = start_files(config)
PRETRAINED = (
    {}
    if START
    else {
        f"pretrained_{t}": f"{RUN}/pretrain/{t}/weights.safetensors"
        for t in ("saxs", "sans")
    }
)


# The resume folders are no outputs: Snakemake deletes the outputs of a failed job, and a killed training shall go
# on from its last epoch. `exec` lets a signal reach the training instead of a shell that waits for it.
rule pretrain:
    input:
        spectra=f"{RUN}/spectra/{{technique}}.h5",
        pairs=f"{RUN}/pairs.csv",
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
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        gpu=GPU_PER_TRAINING,
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime="4h",
    params:
        resume=f"{RUN}/pretrain/{{technique}}/resume",
    shell:
        "exec pairvae pretrain --spectra {input.spectra} --pairs {input.pairs} --settings {input.settings}"
        " --weights {output.weights} --history {output.history} --resume {params.resume}"
        " --threads {threads} &> {log}"


rule joint_train:
    input:
        **START,
        **PRETRAINED,
        saxs=f"{RUN}/spectra/saxs.h5",
        sans=f"{RUN}/spectra/sans.h5",
        pairs=f"{RUN}/pairs.csv",
        settings=f"{RUN}/settings/joint_train.json",
    output:
        weights=f"{RUN}/joint_train/{{member}}/weights.safetensors",
        history=f"{RUN}/joint_train/{{member}}/history.csv",
    log:
        f"{RUN}/logs/joint_train/{{member}}.log",
    benchmark:
        f"{RUN}/benchmarks/joint_train/{{member}}.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        gpu=GPU_PER_TRAINING,
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime="12h",
    params:
        pretrained=" ".join(
            f"--{name.replace('_', '-')} {path}" for name, path in PRETRAINED.items()
        ),
        start=start_checksum(config),  # a file may change and keep its date
        resume=f"{RUN}/joint_train/{{member}}/resume",
    shell:
        "exec pairvae joint_train --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " {params.pretrained} --settings {input.settings} --weights {output.weights} --history {output.history}"
        " --resume {params.resume} --member {wildcards.member} --threads {threads} &> {log}"


rule baselines:
    input:
        saxs=f"{RUN}/spectra/saxs.h5",
        sans=f"{RUN}/spectra/sans.h5",
        pairs=f"{RUN}/pairs.csv",
        pretrain_saxs=f"{RUN}/settings/pretrain.saxs.json",
        pretrain_sans=f"{RUN}/settings/pretrain.sans.json",
        settings=f"{RUN}/settings/baselines.json",
    output:
        predictions=f"{RUN}/baselines/predictions.h5",
    log:
        f"{RUN}/logs/baselines.log",
    benchmark:
        f"{RUN}/benchmarks/baselines.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        gpu=GPU_PER_TRAINING,
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime="12h",
    params:
        resume=f"{RUN}/baselines/resume",
    shell:
        "exec pairvae baselines --saxs {input.saxs} --sans {input.sans} --pairs {input.pairs}"
        " --pretrain-saxs {input.pretrain_saxs} --pretrain-sans {input.pretrain_sans}"
        " --settings {input.settings} --predictions {output.predictions}"
        " --resume {params.resume} --threads {threads} &> {log}"
