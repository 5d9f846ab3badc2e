"""What the file of one kind of particle holds, and what follows from it for a drawn sample; see docs/systems.md."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pairvae.errors import UserError
from pairvae.scattering.spectrum import Technique
from pairvae.simulation.expressions import CONSTANTS, FUNCTIONS, PROPERTIES, Expression, ExpressionError, Scope
from pairvae.simulation.materials import WATER, material, properties, scattering_length_density

Values = Mapping[str, float]
Distribution = Literal["uniform", "log-uniform", "integer"]
Quantity = Literal["forward", "intensity", "guinier_radius", "slope", "minimum", "maximum"]


def _expression(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Expression):
        raise ValueError("expected a number or an expression, as 2 * radius")
    return value if isinstance(value, Expression) else Expression(str(value))


def _known_material(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected the name of a material or formula@density, as SiO2@2.2")
    material(value)
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _named(names: Mapping[Any, Any]) -> Any:
    for name in names:
        if not (isinstance(name, str) and name.isidentifier() and name.islower()):
            raise ValueError(f"{name!r} is no name; expected lower-case letters, digits and _, as core_radius")
        if name in FUNCTIONS or name in PROPERTIES or name in CONSTANTS or name in ("if", "else", "and", "or", "not"):
            raise ValueError(f"{name!r} means something else in an expression; choose another name")
    return names


Formula = Annotated[Expression, BeforeValidator(_expression)]
Substance = Annotated[str, BeforeValidator(_known_material)]
Choice = Annotated[tuple[Substance, ...], BeforeValidator(_listed), Field(min_length=1)]
Names = BeforeValidator(_named)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


# What limits are written in; nothing is converted, so another unit would be a wrong size.
UNITS = ("", "Å", "Å²", "1/Å", "1/cm", "mol/L", "K", "°")
UNITS_SAID = "Å, Å², 1/Å, 1/cm, mol/L, K, °, or none for a fraction or a number"


class Parameter(_Part):
    """One drawn number.

    Parameters
    ----------
    unit : str
        One of `UNITS`: Å for lengths; empty for fractions.
    low, high : Expression
        Limits, both included; they may depend on parameters above this one.
    distribution : {"uniform", "log-uniform", "integer"}
        How it is drawn between them.
    """

    unit: str = ""
    low: Formula
    high: Formula
    distribution: Distribution = "uniform"

    @property
    def limits(self) -> tuple[float, float] | None:
        """Both limits where they depend on nothing, else None."""
        if self.low.names or self.high.names:
            return None
        return self.low(Scope({})), self.high(Scope({}))


class Spread(_Part):
    """The distribution of a size in one sample.

    Parameters
    ----------
    parameter : str
        Parameter of the model that is spread.
    width : Expression
        Standard deviation over the mean.
    distribution : str
        One of those of sasmodels.
    """

    parameter: str
    width: Formula
    distribution: Literal["gaussian", "lognormal", "schulz", "rectangle"] = "gaussian"


class Check(_Part):
    """A number of a curve, known from elsewhere.

    Parameters
    ----------
    quantity : str
        `forward`: intensity at q → 0 in 1/cm. `intensity`: at `q`. `guinier_radius` in Å. `slope`: of log I over log q
        between both `q`. `minimum`, `maximum`: the q of the first one between both `q` (in 1/Å).
    expected : Expression
        From the parameters, `derived` and the materials, independent of the model.
    tolerance : float
        Largest relative difference.
    source : str
        Where the number comes from.
    at : mapping
        Values of parameters; others are in the middle of their limits, polydispersities 0.
    materials : mapping
        Material by its name in the file; the first of a list where it is not named. `solvent` is one of them.
    q : tuple of Expression
        Where to look, in 1/Å.
    technique : {"saxs", "sans"}, optional
        Both where it is not said.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    """

    quantity: Quantity
    expected: Formula
    tolerance: float = Field(0.01, gt=0, le=0.2)
    source: str = Field(min_length=3)
    at: Annotated[dict[str, float], Names] = {}
    materials: dict[str, Substance] = {}
    q: Annotated[tuple[Formula, ...], BeforeValidator(_listed)] = ()
    technique: Technique | None = None
    d2o_fraction: float = Field(1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        needed = {"intensity": 1, "slope": 2, "minimum": 2, "maximum": 2}.get(self.quantity, 0)
        if len(self.q) != needed:
            raise ValueError(f"{self.quantity} needs {needed} values of q in 1/Å, found {len(self.q)}")
        return self


class System(_Part):
    """One kind of particle, as its file says it.

    Parameters
    ----------
    name : str
        Name of the file; in the settings and in samples.csv.
    description, source : str
        What it is, and where it is described.
    model : str
        Name in sasmodels: `sphere`, `sphere@hardsphere`, `cylinder+power_law`.
    materials : mapping
        Names or formula@density by name; of a list one is drawn for each sample.
    solvent : tuple of str
        Solvents, of which one is drawn; SANS and SAXS see the same, up to D2O.
    parameters : mapping
        What is drawn. `volume_fraction` is that of the dry substance.
    polydispersity : tuple of Spread
        Sizes that differ from particle to particle.
    derived : mapping
        Intermediate results, in their order.
    model_parameters : mapping
        Value of each of the model's parameters.
    validation : tuple of Check
        Numbers from elsewhere.
    """

    name: str
    description: str = Field(min_length=3)
    source: str = Field(min_length=3)
    model: str = Field(pattern=r"^[A-Za-z0-9_@+*()]+$")
    materials: Annotated[dict[str, Choice], Names] = {}
    solvent: Choice = (WATER,)
    parameters: Annotated[dict[str, Parameter], Names, Field(min_length=1)]
    polydispersity: Annotated[tuple[Spread, ...], BeforeValidator(_listed)] = ()
    derived: Annotated[dict[str, Formula], Names] = {}
    model_parameters: dict[str, Formula] = Field(min_length=1)
    validation: Annotated[tuple[Check, ...], BeforeValidator(_listed), Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        known: set[str] = set()
        for name, parameter in self.parameters.items():
            for end in ("low", "high"):
                self._resolve(f"parameters.{name}.{end}", getattr(parameter, end), known, set())
            if parameter.unit not in UNITS:
                raise ValueError(
                    f"parameters.{name}.unit: found {parameter.unit!r}; expected one of {UNITS_SAID}; "
                    "write the limits in it"
                )
            if (limits := parameter.limits) and not limits[0] <= limits[1]:
                raise ValueError(f"parameters.{name}: low is {limits[0]:g}, above high, {limits[1]:g}; mend one")
            if limits and parameter.distribution == "log-uniform" and limits[0] <= 0:
                raise ValueError(f"parameters.{name}: low is {limits[0]:g}; expected > 0 for log-uniform; mend it")
            known.add(name)
        materials = {*self.materials, "solvent"}
        if twice := known & {*materials, *self.derived} | materials & {*self.derived}:
            raise ValueError(f"{min(twice)!r} names two things; rename one of them")
        for name, expression in self.derived.items():
            self._resolve(f"derived.{name}", expression, known, materials)
            known.add(name)
        for name, expression in self.model_parameters.items():
            self._resolve(f"model_parameters.{name}", expression, known, materials)
        for spread in self.polydispersity:
            self._resolve("polydispersity.width", spread.width, known, materials)
            own = self.parameters.get(spread.width.text)
            if own and (limits := own.limits) and limits[1] > 1:
                raise ValueError(
                    f"parameters.{spread.width.text}: high is {limits[1]:g}, a standard deviation over the mean; "
                    f"expected at most 1; write {limits[1]:g} % as {limits[1] / 100:g}"
                )
            if spread.parameter not in self.model_parameters:
                raise ValueError(f"polydispersity.parameter: {unknown_name(spread.parameter, self.model_parameters)}")
        for number, check in enumerate(self.validation):
            for expression in (check.expected, *check.q):
                self._resolve(f"validation.{number}", expression, known, materials)
            for name in check.at:
                if name not in self.parameters:
                    raise ValueError(f"validation.{number}.at: {unknown_name(name, self.parameters)}")
            for name in check.materials:
                if name not in materials:
                    raise ValueError(f"validation.{number}.materials: {unknown_name(name, materials)}")
        return self

    @staticmethod
    def _resolve(where: str, expression: Expression, names: set[str], materials: set[str]) -> None:
        """Refuse a name that stands for nothing yet."""
        for name in sorted(expression.names - names):
            what = f"{name!r} is a material: write sld({name})" if name in materials else unknown_name(name, names)
            raise ValueError(f"{where}: in {expression.text!r} {what}")
        for name in sorted(expression.materials - materials):
            raise ValueError(f"{where}: in {expression.text!r} {unknown_name(name, materials)}")

    def substances(self, chosen: Mapping[str, str] | None = None) -> dict[str, str]:
        """Material by its name in the file, the solvent among them; the first of a list where none is chosen."""
        first = {name: choice[0] for name, choice in self.materials.items()} | {"solvent": self.solvent[0]}
        return first | dict(chosen or {})

    def sld(
        self, technique: Technique, probe: float, d2o_fraction: float, chosen: Mapping[str, str] | None = None
    ) -> dict[str, float]:
        """SLDs of the materials and of the solvent in 1e-6/Å².

        Parameters
        ----------
        technique : {"saxs", "sans"}
            What the sample is seen by.
        probe : float
            X-ray energy in keV or neutron wavelength in Å.
        d2o_fraction : float
            Volume fraction of D2O in the water.
        chosen : mapping, optional
            Materials by their name in the file; see `substances`.
        """
        return {
            name: scattering_length_density(substance, technique, probe, d2o_fraction)
            for name, substance in self.substances(chosen).items()
        }

    def scope(self, drawn: Values, sld: Values, chosen: Mapping[str, str] | None = None) -> Scope:
        """What the names of the file's expressions stand for: drawn, derived, and the materials' properties.

        Parameters
        ----------
        drawn, sld : mapping
            Parameters in the units of the file, and SLDs of the materials in 10⁻⁶ Å⁻².
        chosen : mapping, optional
            Materials by their name in the file; see `substances`.

        Raises
        ------
        UserError
            An expression has no value.
        """
        facts = {name: properties(substance) for name, substance in self.substances(chosen).items()}
        numbers = dict(drawn)
        quantities = ("density", "molar_mass", "molar_volume")
        tables = {quantity: {name: own[quantity] for name, own in facts.items()} for quantity in quantities}
        scope = Scope(numbers, {"sld": sld, **tables})
        for name, expression in self.derived.items():
            numbers[name] = self.value(f"derived.{name}", expression, scope)
        return scope

    def value(self, where: str, expression: Expression, scope: Scope) -> float:
        """Value of one of the file's expressions.

        Parameters
        ----------
        where : str
            Place of the expression in the file, for the message: "derived.volume".
        expression, scope
            Parsed text, and what its names stand for; see `scope`.

        Raises
        ------
        UserError
            It has none.
        """
        try:
            return expression(scope)
        except ExpressionError as error:
            raise UserError(f"{self.name}.yaml: {where}: {error}") from None

    def to_model(self, drawn: Values, sld: Values, chosen: Mapping[str, str] | None = None) -> dict[str, float]:
        """Values of the model's parameters, and the widths of those that are spread, as `radius_pd`.

        Parameters
        ----------
        drawn : mapping
            A value for each of `parameters`.
        sld : mapping
            SLDs in 1e-6/Å² by material.
        chosen : mapping, optional
            Materials by their name in the file; see `substances`.

        Raises
        ------
        UserError
            An expression has no value.
        """
        scope = self.scope(drawn, sld, chosen)
        values = {
            name: self.value(f"model_parameters.{name}", expression, scope)
            for name, expression in self.model_parameters.items()
        }
        for one in self.polydispersity:
            width = self.value("polydispersity.width", one.width, scope)
            if width < 0:
                raise UserError(
                    f"{self.name}.yaml: polydispersity.width: {one.width.text!r} is {width:g}; expected ≥ 0"
                )
            values[f"{one.parameter}_pd"] = width
        return values


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Half a sentence on a name that is unknown: the one that was meant, or all that there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"{name!r} is unknown; the nearest name is {near[0]}; mend it"
    return f"{name!r} is unknown; expected one of {', '.join(names) or 'none'}; mend it"
