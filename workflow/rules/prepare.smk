# Each stage's settings as a file of its own: a changed setting re-runs its stage and what follows, nothing else.
rule freeze_settings:
    output:
        settings=f"{RUN}/settings/{{stage}}.json",
    log:
        f"{RUN}/logs/settings/{{stage}}.log",
    localrule: True
    conda:
        "../envs/pairvae.yaml"
    params:
        values=lambda wildcards: stage_settings(config, SCHEMA, wildcards.stage),
    shell:
        "pairvae freeze --stage {wildcards.stage} --values {params.values:q}"
        " --output {output.settings} &> {log}"


if config["samples"]:

    rule read:
        input:
            manifest=config["samples"],
            measured=lambda wildcards: files_named_in(config["samples"]),
            settings=f"{RUN}/settings/read.json",
        output:
            saxs=f"{RUN}/curves/saxs.h5",
            sans=f"{RUN}/curves/sans.h5",
            samples=f"{RUN}/samples.csv",
        log:
            f"{RUN}/logs/read.log",
        benchmark:
            f"{RUN}/benchmarks/read.tsv"
        conda:
            "../envs/pairvae.yaml"
        threads: workflow.cores or 1
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 60 * attempt,
        shell:
            "pairvae read --manifest {input.manifest:q} --settings {input.settings}"
            " --saxs {output.saxs} --sans {output.sans} --samples {output.samples}"
            " --threads {threads} &> {log}"

else:

    rule simulate:
        input:
            settings=f"{RUN}/settings/simulate.json",
        output:
            saxs=f"{RUN}/curves/saxs.h5",
            sans=f"{RUN}/curves/sans.h5",
            truth_saxs=f"{RUN}/truth/saxs.h5",
            truth_sans=f"{RUN}/truth/sans.h5",
            samples=f"{RUN}/samples.csv",
        log:
            f"{RUN}/logs/simulate.log",
        benchmark:
            f"{RUN}/benchmarks/simulate.tsv"
        conda:
            "../envs/pairvae.yaml"
        threads: workflow.cores or 1
        resources:
            mem_mb=lambda wildcards, attempt, threads: (2000 + 500 * threads) * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        shell:
            "pairvae simulate --settings {input.settings}"
            " --saxs {output.saxs} --sans {output.sans}"
            " --truth-saxs {output.truth_saxs} --truth-sans {output.truth_sans}"
            " --samples {output.samples} --threads {threads} &> {log}"


rule normalize:
    input:
        curves=f"{RUN}/curves/{{technique}}.h5",
        settings=f"{RUN}/settings/normalize.{{technique}}.json",
    output:
        spectra=f"{RUN}/spectra/{{technique}}.h5",
    log:
        f"{RUN}/logs/normalize/{{technique}}.log",
    benchmark:
        f"{RUN}/benchmarks/normalize/{{technique}}.tsv"
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    shell:
        "pairvae normalize --curves {input.curves} --settings {input.settings}"
        " --spectra {output.spectra} &> {log}"


rule pair:
    input:
        saxs=f"{RUN}/spectra/saxs.h5",
        sans=f"{RUN}/spectra/sans.h5",
        samples=f"{RUN}/samples.csv",
        settings=f"{RUN}/settings/pair.json",
    output:
        pairs=f"{RUN}/pairs.csv",
    log:
        f"{RUN}/logs/pair.log",
    benchmark:
        f"{RUN}/benchmarks/pair.tsv"
    localrule: True
    conda:
        "../envs/pairvae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    shell:
        "pairvae pair --saxs {input.saxs} --sans {input.sans} --samples {input.samples}"
        " --settings {input.settings} --pairs {output.pairs} &> {log}"
