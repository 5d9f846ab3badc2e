def test_x(evaluated, model, trained):
    import json

    m = json.loads((trained.path("evaluated/metrics.json")).read_text())
    print(json.dumps({k: {a: b for a, b in v.items() if a != "by_material"} for k, v in m["paths"].items()}, indent=1))
    print(m["gain_over"], m["retrieval"], m["novelty"], m["pairs"])
