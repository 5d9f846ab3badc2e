# Measured pairs from public sources, for those who have a network: snakemake --cores 1 fetch_measured
SOURCES = "data/measured/sources.csv"

if Path(SOURCES).is_file():

    rule fetch_measured:
        input:
            sources=SOURCES,
        output:
            files=files_of_sources(SOURCES),
        log:
            "results/logs/fetch_measured.log",
        localrule: True
        conda:
            "../envs/pairvae.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=60,
        shell:
            "pairvae fetch {input.sources} &> {log}"
