"""The commonest words of some languages: that two texts share one of them says nothing. Data."""

from __future__ import annotations

PLAIN_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being both but by can could did do does each
    for from had has have he her him his how i if in into is isn't it it's its may might more most much must my no not
    of off on once one only or other our out over same she should so some such than that the their them then there these
    they this those through to too under until up very was we were what when where which while who why will with
    would you your
    aber als am auch auf aus bei bin bis da das dass dem den der des die doch du durch ein eine einem einen einer eines
    er es für hat hatte ich ihr im in ist ja kann man mit nach nicht noch nur ob oder ohne sehr sein sich sie sind so
    über um und unter vom von vor war was wenn werden wie wird wir wo zu zum zur
    au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui mais ne nous on ou où par pas
    plus pour qu que qui sa se ses si son sont sur un une vous à été être
    al como con del el ella ellos entre era es esta este esto fue ha hay la las lo los más ni no o para pero por que se
    ser si sin sobre son su sus también tiene un una uno y
    che con da dal dei del della di e gli ha i il in la le lo ma nel nella non o per più sono una è
    ao aos as com da das de do dos ele em foi mais mas na nas no não nos o os ou para pela pelo por que se sua são um
    uma é
    aan als bij dan dat de die dit een en er het hij ik in is maar met naar niet of om ook op te van voor was wat wel
    wordt zijn
    co do i jak jest na nie o od po się to w z za że
    а бы был была были было в вы где да для до его ее если есть же за и из или их к как когда который мы на не нет но о
    он она они оно от по при с со так то только у уже что чтобы это я
    أن إلى أو التي الذي إن ثم على عن في قد كان كما كل لا لم ليس ما مع من هذا هذه هو هي و
    של על את זה לא הוא היא אם כי גם או עם
    bir bu da de daha gibi ile için ne o olan ve ya çok
    का की के को और है हैं में से पर यह वह ने कि भी था नहीं एक
    的 了 是 在 和 与 與 及 就 都 也 而 但 或 不 这 這 那 有 为 為 以 于 於 之 其 上 下 中 个 個 一 们 們 我 你 他 她 它
    会 會 能 可 要 到 从 從 被 把 对 對 所 很 更 最 并 並 因 如
    """.split()  # noqa: RUF001, SIM905 - words of other scripts; a line for each word would fill eight screens
)
"""In lower case."""
