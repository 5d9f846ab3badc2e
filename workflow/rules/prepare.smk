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
        values=lambda wildcards: stage_settings(
            RUNS.configs[wildcards.run], SCHEMA, wildcards.stage
        ),
    shell:
        "pairvae freeze --stage {wildcards.stage} --values {params.values:q}"
        " --output {output.settings} &> {log}"


# With several parts, jobs of their own make a share of the curves each, which one more puts together.
if config["samples"] and config["parts"] == 1:

    rule read:
        input:
            manifest=local(config["samples"]),
            measured=lambda wildcards: local(files_named_in(config["samples"])),
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

elif config["samples"]:

    rule read_part:
        input:
            manifest=local(config["samples"]),
            measured=lambda wildcards: local(files_named_in(config["samples"])),
            settings=f"{RUN}/settings/read.json",
        output:
            saxs=temp(f"{RUN}/parts/{{scatteritem}}/saxs.h5"),
            sans=temp(f"{RUN}/parts/{{scatteritem}}/sans.h5"),
        log:
            f"{RUN}/logs/read/{{scatteritem}}.log",
        benchmark:
            f"{RUN}/benchmarks/read/{{scatteritem}}.tsv"
        conda:
            "../envs/pairvae.yaml"
        threads: workflow.cores or 1
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 60 * attempt,
        shell:
            "pairvae read --manifest {input.manifest:q} --settings {input.settings}"
            " --saxs {output.saxs} --sans {output.sans} --part {wildcards.scatteritem}"
            " --threads {threads} &> {log}"

    rule read:
        input:
            manifest=local(config["samples"]),
            saxs=gather.part(f"{RUN}/parts/{{scatteritem}}/saxs.h5", allow_missing=True),
            sans=gather.part(f"{RUN}/parts/{{scatteritem}}/sans.h5", allow_missing=True),
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
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 60 * attempt,
        params:
            parts=lambda wildcards, input: [
                *(f"--saxs-part {path}" for path in input.saxs),
                *(f"--sans-part {path}" for path in input.sans),
            ],
        shell:
            "pairvae read --manifest {input.manifest:q} --settings {input.settings}"
            " --saxs {output.saxs} --sans {output.sans} --samples {output.samples}"
            " {params.parts} &> {log}"

elif config["parts"] == 1:

    rule simulate:
        input:
            settings=f"{RUN}/settings/simulate.json",
            systems=lambda wildcards: local(system_files(RUNS.configs[wildcards.run])),
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

else:

    rule simulate_part:
        input:
            settings=f"{RUN}/settings/simulate.json",
            systems=lambda wildcards: local(system_files(RUNS.configs[wildcards.run])),
        output:
            saxs=temp(f"{RUN}/parts/{{scatteritem}}/curves/saxs.h5"),
            sans=temp(f"{RUN}/parts/{{scatteritem}}/curves/sans.h5"),
            truth_saxs=temp(f"{RUN}/parts/{{scatteritem}}/truth/saxs.h5"),
            truth_sans=temp(f"{RUN}/parts/{{scatteritem}}/truth/sans.h5"),
            samples=temp(f"{RUN}/parts/{{scatteritem}}/samples.csv"),
        log:
            f"{RUN}/logs/simulate/{{scatteritem}}.log",
        benchmark:
            f"{RUN}/benchmarks/simulate/{{scatteritem}}.tsv"
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
            " --samples {output.samples} --part {wildcards.scatteritem} --threads {threads} &> {log}"

    rule merge:
        input:
            parts=gather.part(
                f"{RUN}/parts/{{scatteritem}}/{{table}}", allow_missing=True
            ),
        output:
            table=f"{RUN}/{{table}}",
        log:
            f"{RUN}/logs/merge/{{table}}.log",
        benchmark:
            f"{RUN}/benchmarks/merge/{{table}}.tsv"
        wildcard_constraints:
            table=r"(curves|truth)/(saxs|sans)\.h5|samples\.csv",
        conda:
            "../envs/pairvae.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 2000 * attempt,
            runtime=lambda wildcards, attempt: 60 * attempt,
        shell:
            "pairvae merge --output {output.table} {input.parts} &> {log}"


rule normalize:
    input:
        curves=RUNS.at(CURVES, "curves/{technique}.h5"),
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
        saxs=RUNS.at("normalize.saxs", "spectra/saxs.h5"),
        sans=RUNS.at("normalize.sans", "spectra/sans.h5"),
        samples=RUNS.at(CURVES, "samples.csv"),
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
