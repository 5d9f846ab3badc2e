"""Words for columns in other languages than English, as headers of tables use them."""

import re

# Lower case, "-" and "_" as blanks; longer ones are looked for first.
_ENGLISH = {
    "scattering vector": (
        "streuvektor|impulsübertrag|vecteur d'onde|vecteur de diffusion|散乱ベクトル|散射矢量|散射向量"
    ),
    "intensity": (
        "streuintensität|zählrate|intensité diffusée|intensité absolue|intensidad|intensità|intensidade|散乱強度|強度"
        "|散射强度|强度|интенсивность"
    ),
    "std": "standardabweichung|écart type|ecart type|標準偏差|标准偏差",
    "error": (
        "messfehler|fehlerbalken|unsicherheit|messunsicherheit|incertitude|incertitudes|erreurs|errore|incertezza"
        "|incertidumbre|誤差|误差|погрешность|ошибка"
    ),
    "angle": "streuwinkel|winkel|angle de diffusion|ángulo|angolo|散乱角|散射角|угол",
    "experimental": "gemessen|gemessene|messung|mesuré|mesurée",
    "fit": "anpassung|angepasst|ajustement|ajusté|ajuste|フィット|拟合",
    "model": "modell|modèle|modelo|モデル",
    "log": "logarithmus|logarithme",
    "mask": "maske|maskiert|masque|masqué",
    "valid": "gültig|valide",
    "invalid": "ungültig",
    "background": "untergrund|fond|bruit de fond",
    "buffer": "puffer|lösungsmittel|tampon|solvant",
}
_BY_WORD = {word: english for english, words in _ENGLISH.items() for word in words.split("|")}
_ANY = re.compile(rf"(?<![a-zà-ÿ])(?:{'|'.join(sorted(map(re.escape, _BY_WORD), key=len, reverse=True))})(?![a-zà-ÿ])")


def in_english(name: str) -> str:
    """The name of a column, in lower case, with the words that are known in English.

    Examples
    --------
    >>> in_english("streuvektor q"), in_english("écart type")
    ('scattering vector q', 'std')
    """
    return _ANY.sub(lambda word: f" {_BY_WORD[word[0]]} ", name).strip() if _ANY.search(name) else name
