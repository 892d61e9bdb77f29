"""What the widgets of CTK and Slicer declare, read from their headers (Slicer 5.8 to 5.12 and main, CTK as they build it).

PythonQt shows properties, signals, slots and invokable methods of such a class, and whatever PythonQt wraps of the Qt class
that it extends; any other C++ method is an AttributeError. Only what the panels may need is listed. A stand-in is a handy Qt
widget instead, so it would also accept what that widget has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from PySide6 import QtWidgets


@dataclass(frozen=True)
class Declared:
    """The interface of a C++ widget.

    Attributes:
        header: file that declares it, in the repository of CTK or Slicer.
        extends: the Qt class that it extends, directly or through others of this list.
        properties: properties of its own.
        signals: signals of its own; where several have one name, Python connects to the first, which the panels expect.
        methods: slots and invokable methods of its own.
    """

    header: str
    extends: type[QtWidgets.QWidget]
    properties: frozenset[str]
    signals: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


def _declared(header: str, extends: type, properties: str, signals: str = "", methods: str = "") -> Declared:
    return Declared(header, extends, *(frozenset(text.split()) for text in (properties, signals, methods)))


MRML = "Libs/MRML/Widgets"
SEGMENTATIONS = "Modules/Loadable/Segmentations/Widgets"

DECLARED: Mapping[str, Declared] = MappingProxyType(
    {
        "ctkCollapsibleButton": _declared(
            "Libs/Widgets/ctkCollapsibleButton.h",
            QtWidgets.QAbstractButton,
            "collapsed collapsedHeight flat contentsFrameShape contentsFrameShadow contentsLineWidth contentsMidLineWidth",
            "contentsCollapsed",
        ),
        "ctkPathLineEdit": _declared(
            "Libs/Widgets/ctkPathLineEdit.h",
            QtWidgets.QWidget,
            "label filters currentPath options settingKey showBrowseButton showHistoryButton sizeAdjustPolicy"
            " minimumContentsLength nameFilters",
            "currentPathChanged validInputChanged",
            "setCurrentPath browse retrieveHistory addCurrentPathToHistory",
        ),
        "ctkSliderWidget": _declared(
            "Libs/Widgets/ctkSliderWidget.h",
            QtWidgets.QWidget,
            "decimals singleStep pageStep minimum maximum value prefix suffix tickInterval tracking spinBoxVisible",
            "valueChanged valueIsChanging decimalsChanged",
            "reset setValue setSpinBoxVisible setDecimals",
        ),
        "qMRMLWidget": _declared(
            f"{MRML}/qMRMLWidget.h", QtWidgets.QWidget, "", "mrmlSceneChanged", "mrmlScene setMRMLScene"
        ),
        "qMRMLNodeComboBox": _declared(
            f"{MRML}/qMRMLNodeComboBox.h",
            QtWidgets.QWidget,
            "currentNodeID currentNodeId nodeTypes showHidden showChildNodeTypes hideChildNodeTypes baseName noneEnabled"
            " addEnabled removeEnabled editEnabled renameEnabled selectNodeUponCreation noneDisplay sizeAdjustPolicy",
            "currentNodeChanged currentNodeIDChanged nodeActivated",
            "mrmlScene setMRMLScene currentNode setCurrentNode setCurrentNodeID setCurrentNodeIndex nodeCount nodeFromIndex"
            " sortFilterProxyModel addAttribute removeAttribute",
        ),
        "qMRMLSegmentsTableView": _declared(
            f"{SEGMENTATIONS}/qMRMLSegmentsTableView.h",
            QtWidgets.QWidget,
            "selectionMode headerVisible visibilityColumnVisible colorColumnVisible opacityColumnVisible statusColumnVisible"
            " layerColumnVisible readOnly filterBarVisible textFilter jumpToSelectedSegmentEnabled segmentCount",
            "mrmlSceneChanged selectionChanged",
            "mrmlScene setMRMLScene segmentationNode setSegmentationNode selectedSegmentIDs setSelectedSegmentIDs",
        ),
        "qMRMLSegmentationShow3DButton": _declared(
            f"{SEGMENTATIONS}/qMRMLSegmentationShow3DButton.h",
            QtWidgets.QPushButton,
            "locked",
            methods="segmentationNode setSegmentationNode setLocked",
        ),
    }
)


@cache
def known_properties(cls: str) -> frozenset[str]:
    """Return the properties that a .ui file may set on a widget of this class."""
    meta = DECLARED[cls].extends.staticMetaObject
    inherited = (meta.property(index).name() for index in range(meta.propertyCount()))
    return frozenset({*DECLARED[cls].properties, *inherited})


@cache
def known_names(cls: str) -> frozenset[str]:
    """Return all names that Python finds on a widget of this class."""
    declared = DECLARED[cls]
    return known_properties(cls) | {*declared.signals, *declared.methods, "name", *dir(declared.extends)}
