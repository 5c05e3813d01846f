"""Sentences with places in them, in six languages, for texts that are made up."""
# ruff: noqa: RUF001 - letters and marks of other scripts

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Language(NamedTuple):
    """Sentences with places for a name, a number and a thing, and what critics say.

    Args:
        facts: Sentences that an answer is made of.
        names: For ``{name}``.
        things: For ``{thing}``.
        demands: What asks for ``{fact}``.
        corrections: What asks for ``{new}``.
        objections: What says that ``{quote}`` is wrong.
        moves: What asks to begin with ``{quote}``.
        praises: What asks for nothing; some repeat a ``{quote}``.
        space: What stands between sentences.
    """

    facts: tuple[str, ...]
    names: tuple[str, ...]
    things: tuple[str, ...]
    demands: tuple[str, ...]
    corrections: tuple[str, ...]
    objections: tuple[str, ...]
    moves: tuple[str, ...]
    praises: tuple[str, ...]
    space: str = " "


ENGLISH = Language(
    facts=(
        "The {name} is {number} km long and carries {thing} to the coast.",
        "In {number} the town of {name} was the first to sell {thing} abroad.",
        "Most visitors come to {name} because of its {thing}, which {number} people still make by hand.",
        "A bridge near {name} collapsed after {number} years, and trade in {thing} stopped for a decade.",
        "Farmers around {name} grow {thing} at a height of {number} metres.",
        "The museum of {name} keeps {number} pieces of {thing} that nobody has catalogued.",
        "According to the census of {number}, every third family in {name} lived on {thing}.",
        "It takes about {number} hours to walk from {name} to the old {thing} market.",
        "The poet {name} wrote {number} letters on {thing} and its smell after rain.",
        "Without the {name} reservoir, {number} villages would have neither light nor {thing}.",
    ),
    names=("Arvenna", "Kestrel Bay", "Tolmi", "Brackwater", "Ostrava", "Delmar", "Quill", "Hadrin", "Sefton", "Yarrow"),
    things=("amber", "salt", "wool", "copper", "honey", "timber", "indigo", "barley", "paper", "tin"),
    demands=(
        "What is missing is the main point. Add this: {fact}",
        "The answer should also say the following. {fact} Without it the reader is lost.",
        "I would insert a sentence such as: {fact}",
    ),
    corrections=(
        "One figure is off: it should be {new}.",
        "Check the number, the correct value is {new}, as any handbook says.",
        "Replace the wrong value by {new}.",
    ),
    objections=(
        "The claim that {quote} is simply wrong and should go.",
        "Delete what it says about this: {quote}. There is no source for it.",
        "I find no evidence for {quote}; leave it out.",
    ),
    moves=("Begin with this one: {quote}", "The order is odd. I would open with {quote}"),
    praises=(
        "A clear and accurate answer, nothing to add.",
        "I like it when it says: {quote}",
        "The structure is good; the sentence {quote} is the best part.",
        "The tone is right. It could be shorter, and an example would help the reader.",
        "Well argued overall, but the answer should be more specific about its sources.",
    ),
)

GERMAN = Language(
    facts=(
        "Die {name} ist {number} Kilometer lang und bringt {thing} an die Küste.",
        "Im Jahr {number} verkaufte {name} als erste Stadt {thing} ins Ausland.",
        "Rund um {name} baut man in {number} Metern Höhe {thing} an.",
        "Das Museum von {name} hat {number} Stücke aus {thing}, die niemand gezählt hat.",
        "Nach der Zählung von {number} lebte jede dritte Familie in {name} von {thing}.",
        "Von {name} zum alten Markt für {thing} geht man etwa {number} Stunden.",
    ),
    names=("Arvenau", "Tolmbach", "Ostrau", "Delmen", "Quellheim", "Hadersried"),
    things=("Bernstein", "Salz", "Wolle", "Kupfer", "Honig", "Papier"),
    demands=("Es fehlt das Wichtigste. Ergänze: {fact}", "Die Antwort sollte auch sagen: {fact} Sonst ist sie unklar."),
    corrections=("Die Zahl stimmt nicht, richtig ist {new}.", "Statt dessen muss es {new} heißen."),
    objections=("Die Aussage, dass {quote}, ist falsch und sollte weg.", "Streiche das: {quote}."),
    moves=("Beginne mit: {quote}",),
    praises=(
        "Eine klare und richtige Antwort.",
        "Besonders gut ist: {quote}",
        "Der Ton stimmt, sie könnte kürzer sein.",
    ),
)

RUSSIAN = Language(
    facts=(
        "Река {name} имеет длину {number} километров и несёт {thing} к морю.",
        "В {number} году город {name} первым продал {thing} за границу.",
        "Крестьяне у города {name} выращивают {thing} на высоте {number} метров.",
        "В музее города {name} хранится {number} предметов, среди них {thing}.",
        "По переписи {number} года каждая третья семья города {name} продавала {thing}.",
        "От города {name} до старого рынка, где лежит {thing}, идти около {number} часов.",
    ),
    names=("Арвенна", "Толмино", "Острава", "Дельмар", "Квильск", "Хадрин"),
    things=("янтарь", "соль", "шерсть", "медь", "мёд", "бумагу"),
    demands=("Не хватает главного. Добавьте: {fact}", "Ответ должен сказать и это: {fact} Иначе он неясен."),
    corrections=("Число неверно, правильно {new}.", "Здесь должно стоять {new}."),
    objections=("Утверждение, что {quote}, неверно, его нужно убрать.", "Удалите это: {quote}."),
    moves=("Начните с этого: {quote}",),
    praises=("Ясный и точный ответ.", "Особенно хорошо сказано: {quote}", "Тон верный, но можно короче."),
)

ARABIC = Language(
    facts=(
        "يبلغ طول نهر {name} {number} كيلومترا ويحمل {thing} إلى الساحل.",
        "في عام {number} كانت مدينة {name} أول من باع {thing} في الخارج.",
        "يزرع الفلاحون حول {name} {thing} على ارتفاع {number} مترا.",
        "يحفظ متحف {name} {number} قطعة من {thing} لم يحصها أحد.",
        "وفقا لتعداد عام {number} عاشت كل عائلة ثالثة في {name} من {thing}.",
        "يستغرق المشي من {name} إلى سوق {thing} القديم نحو {number} ساعات.",
    ),
    names=("أرفينا", "تولمي", "أوسترافا", "دلمار", "كويل", "حدرين"),
    things=("العنبر", "الملح", "الصوف", "النحاس", "العسل", "الورق"),
    demands=("ينقص الجواب أهم شيء، أضف: {fact}", "يجب أن يذكر الجواب أيضا: {fact} وإلا فهو غامض."),
    corrections=("الرقم غير صحيح والصواب {new}.", "يجب أن يكون {new} بدلا من ذلك."),
    objections=("القول إن {quote} خطأ ويجب حذفه.", "احذف هذا: {quote}."),
    moves=("ابدأ بهذه الجملة: {quote}",),
    praises=("جواب واضح ودقيق.", "أعجبني قولك: {quote}", "الأسلوب مناسب ويمكن أن يكون أقصر."),
)

CHINESE = Language(
    facts=(
        "{name}河全长{number}公里，把{thing}运到海边。",
        "{number}年，{name}市第一个向国外出售{thing}。",
        "{name}周围的农民在海拔{number}米的地方种植{thing}。",
        "{name}博物馆收藏了{number}件无人登记的{thing}。",
        "根据{number}年的普查，{name}三分之一的家庭靠{thing}生活。",
        "从{name}步行到古老的{thing}市场大约需要{number}小时。",
    ),
    names=("阿文纳", "托尔米", "奥斯特", "德尔马", "奎尔", "哈德林"),
    things=("琥珀", "食盐", "羊毛", "铜器", "蜂蜜", "纸张"),
    demands=("缺少最重要的一点，请补充：{fact}", "回答还应该说明：{fact}否则读者不会明白。"),
    corrections=("数字不对，正确的是{new}。", "这里应该写{new}。"),
    objections=("“{quote}”这种说法是错误的，应当删除。", "请删掉这一句：{quote}。"),
    moves=("请以这句话开头：{quote}",),
    praises=("回答清楚准确。", "我很喜欢这一句：{quote}", "语气合适，不过可以再短一些。"),
    space="",
)

JAPANESE = Language(
    facts=(
        "{name}川の長さは{number}キロで、{thing}を海岸まで運ぶ。",
        "{number}年に{name}の町が初めて{thing}を外国へ売った。",
        "{name}周辺の農家は標高{number}メートルで{thing}を育てている。",
        "{name}博物館には目録のない{thing}が{number}点ある。",
        "{number}年の調査では、{name}の家族の三分の一が{thing}で暮らしていた。",
        "{name}から古い{thing}市場まで歩いて約{number}時間かかる。",
    ),
    names=("アルベナ", "トルミ", "オストラ", "デルマー", "クイル", "ハドリン"),
    things=("琥珀", "岩塩", "羊毛", "銅器", "蜂蜜", "和紙"),
    demands=(
        "大事な点が抜けている。次を加えること：{fact}",
        "回答はこれも述べるべきだ。{fact}そうでないと分からない。",
    ),
    corrections=("数字が違う。正しくは{new}だ。", "ここは{new}とすべきだ。"),
    objections=("「{quote}」というのは誤りなので削除すべきだ。", "この文を消すこと：{quote}。"),
    moves=("この文から始めること：{quote}",),
    praises=("明快で正確な回答だ。", "特に良いのは次の文だ：{quote}", "口調は良いが、もう少し短くできる。"),
    space="",
)

LANGUAGES: Mapping[str, Language] = {
    "English": ENGLISH,
    "German": GERMAN,
    "Russian": RUSSIAN,
    "Arabic": ARABIC,
    "Chinese": CHINESE,
    "Japanese": JAPANESE,
}
