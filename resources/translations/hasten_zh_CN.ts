<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AddButton</name>
    <message>
        <source>Add a pass</source>
        <translation>添加步骤</translation>
    </message>
    <message>
        <source>Add a pass (Ctrl+Shift+A)</source>
        <translation>添加步骤 (Ctrl+Shift+A)</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
</context>
<context>
    <name>AnswerView</name>
    <message>
        <source>Nothing asked yet</source>
        <translation>尚未提问</translation>
    </message>
    <message>
        <source>Token %1: “%2”</source>
        <translation>词元 %1：“%2”</translation>
    </message>
    <message>
        <source>time to first token %1</source>
        <translation>首个词元延迟 %1</translation>
    </message>
    <message>
        <source>after %1</source>
        <translation>间隔 %1</translation>
    </message>
    <message>
        <source>probability %1</source>
        <translation>概率 %1</translation>
    </message>
    <message>
        <source>the original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <source>the optimised</source>
        <translation>优化后的模型</translation>
    </message>
    <message>
        <source>%1 gave its own token %2 (%3)</source>
        <translation>%1对自己的词元 %2 给出的概率为 %3</translation>
    </message>
    <message>
        <source>Here the two answers part.</source>
        <translation>两个回答从这里开始不同。</translation>
    </message>
    <message>
        <source>The optimised model finds it %1 probable (%2).</source>
        <translation>优化后的模型给它的概率%1（%2）。</translation>
    </message>
    <message>
        <source>more</source>
        <translation>更高</translation>
    </message>
    <message>
        <source>less</source>
        <translation>更低</translation>
    </message>
    <message>
        <source>Both models find it about equally probable.</source>
        <translation>两个模型给它的概率大致相同。</translation>
    </message>
    <message>
        <source>Click to see where its error grew.</source>
        <translation>点击可查看其误差在何处增大。</translation>
    </message>
</context>
<context>
    <name>Board</name>
    <message>
        <source>threads: automatic</source>
        <translation>线程：自动</translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n 个线程</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 · guesses ahead</source>
        <translation>%1 · 提前猜测</translation>
    </message>
    <message>
        <source>needs a correction</source>
        <translation>需要修正</translation>
    </message>
    <message numerus="yes">
        <source>%n problem(s), see below</source>
        <translation>
            <numerusform>%n 个问题，见下方</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n note(s), see below</source>
        <translation>
            <numerusform>%n 条提示，见下方</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Cases</name>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Place</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Written by</source>
        <translation>写出者</translation>
    </message>
    <message>
        <source>both</source>
        <translation>双方</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>之前</translation>
    </message>
    <message>
        <source>How probable the original finds the token</source>
        <translation>原模型给该词元的概率</translation>
    </message>
    <message>
        <source>After</source>
        <translation>之后</translation>
    </message>
    <message>
        <source>How probable the optimised model finds the token</source>
        <translation>优化后的模型给该词元的概率</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>变化</translation>
    </message>
    <message>
        <source>Question</source>
        <translation>问题</translation>
    </message>
    <message>
        <source>Expected</source>
        <translation>期望答案</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>源文本</translation>
    </message>
    <message>
        <source>How much nearer to the reference than the original&apos;s text: ROUGE-L, or BLEU without it</source>
        <translation>比原模型所写的文本更接近参考文本多少：按 ROUGE-L，没有时按 BLEU</translation>
    </message>
    <message>
        <source>Task</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>Documents</source>
        <translation>文档数</translation>
    </message>
    <message>
        <source>Value and standard error, by lm-eval</source>
        <translation>数值和标准误差，由 lm-eval 计算</translation>
    </message>
    <message>
        <source>Documents won and lost, or the interval of the difference; proven where chance is below 1 %</source>
        <translation>得分和失分的文档数，或差值的区间；偶然概率低于 1 % 时视为已证实</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>Word</source>
        <translation>词</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>正确标签</translation>
    </message>
    <message>
        <source>How the probability of the original&apos;s label changed</source>
        <translation>原标签的概率变化了多少</translation>
    </message>
    <message>
        <source>Cosine</source>
        <translation>余弦</translation>
    </message>
    <message>
        <source>1: the embedding points where the original&apos;s does</source>
        <translation>1：嵌入与原模型的方向相同</translation>
    </message>
    <message>
        <source>Nearest kept</source>
        <translation>保留的近邻</translation>
    </message>
    <message>
        <source>How many of the five nearest texts stay the same</source>
        <translation>最近的五个文本中有多少个不变</translation>
    </message>
    <message>
        <source>No longer near</source>
        <translation>不再相近</translation>
    </message>
    <message>
        <source>Near now</source>
        <translation>现在相近</translation>
    </message>
    <message>
        <source>right</source>
        <translation>正确</translation>
    </message>
    <message>
        <source>wrong</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>%1 lost, %2 gained</source>
        <translation>丢失 %1，新增 %2</translation>
    </message>
    <message>
        <source>not proven</source>
        <translation>未得到证实</translation>
    </message>
    <message>
        <source>other label</source>
        <translation>标签已变</translation>
    </message>
</context>
<context>
    <name>CasesView</name>
    <message>
        <source>Your questions</source>
        <translation>您的问题</translation>
    </message>
    <message>
        <source>Your texts</source>
        <translation>您的文本</translation>
    </message>
    <message>
        <source>Tasks of lm-eval</source>
        <translation>lm-eval 任务</translation>
    </message>
    <message>
        <source>Tokens, most changed first</source>
        <translation>词元，变化最大的在前</translation>
    </message>
    <message>
        <source>Which cases are shown</source>
        <translation>显示哪些实例</translation>
    </message>
    <message>
        <source>Whether chance would do it: McNemar&apos;s exact test on the questions answered apart</source>
        <translation>是否出于偶然：对两方对错不同的问题做 McNemar 精确检验</translation>
    </message>
    <message>
        <source>Tokens of the answers</source>
        <translation>回答的词元</translation>
    </message>
    <message>
        <source>No cases yet</source>
        <translation>还没有实例</translation>
    </message>
    <message>
        <source>Measure shows here how probable both models find each token, how they answer your own questions, and what they write to your own texts: choose such files beside the Measure button.</source>
        <translation>测量后，此处显示两个模型认为每个词元的概率、它们如何回答您自己的问题，以及针对您自己的文本写了什么：请在“测量”按钮旁选择这类文件。</translation>
    </message>
    <message>
        <source>Measured by EleutherAI&apos;s lm-evaluation-harness, on the same documents for all models.</source>
        <translation>由 EleutherAI 的 lm-evaluation-harness 测量，所有模型使用相同的文档。</translation>
    </message>
    <message>
        <source>%1 writes something else to %2 of %3 texts</source>
        <translation>在 %3 个文本中，%1 对 %2 个写出了不同的内容</translation>
    </message>
    <message>
        <source>Reference</source>
        <translation>参考文本</translation>
    </message>
    <message>
        <source>%1 lost, %2 gained: chance alone does that in %3 of cases</source>
        <translation>失去 %1 个，新增 %2 个：仅凭偶然，%3 的情况下也会如此</translation>
    </message>
    <message>
        <source>Choose a token to see its answer.</source>
        <translation>选择一个词元即可查看其所在的回答。</translation>
    </message>
</context>
<context>
    <name>Chart</name>
    <message>
        <source>%1, as a table</source>
        <translation>%1（表格）</translation>
    </message>
    <message>
        <source>%1: go on</source>
        <translation>%1：继续</translation>
    </message>
    <message>
        <source>%1: hold the picture</source>
        <translation>%1：暂停画面</translation>
    </message>
    <message>
        <source>%1: show as a table</source>
        <translation>%1：显示为表格</translation>
    </message>
    <message>
        <source>%1: show all again</source>
        <translation>%1：恢复完整显示</translation>
    </message>
    <message>
        <source>Latency distribution</source>
        <translation>延迟分布</translation>
    </message>
    <message>
        <source>The share of tokens that took at most so long. Steep and left is good.</source>
        <translation>耗时不超过该值的 token 所占比例。曲线越陡、越靠左越好。</translation>
    </message>
    <message>
        <source>Inter-token latency</source>
        <translation>词元间延迟</translation>
    </message>
    <message>
        <source>Seconds between one token and the next, as they arrive.</source>
        <translation>相邻两个词元之间的秒数，随到随画。</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Bytes of the weights, and the memory of a fresh process that opens the model and answers once: the most it held, or what it held when.</source>
        <translation>权重的字节数，以及一个新进程打开模型并回答一次所占用的内存：占用的最大值，或随时间的变化。</translation>
    </message>
    <message>
        <source>Quality against speed</source>
        <translation>质量与速度</translation>
    </message>
    <message>
        <source>Each dot is a run; up and to the right is better. The line joins the filled dots: no run is both faster and closer to its original than one of these.</source>
        <translation>每个点是一次运行；越靠右上越好。连线连接实心点：没有任何运行比它们更快且更接近原模型。</translation>
    </message>
    <message>
        <source>Tokens per second</source>
        <translation>每秒词元数</translation>
    </message>
    <message>
        <source>How fast each model writes, over its latest tokens.</source>
        <translation>各模型的生成速度，按最近的词元计算。</translation>
    </message>
    <message>
        <source>Speed by length and texts at once</source>
        <translation>速度与长度、并行文本数</translation>
    </message>
    <message>
        <source>How many times faster a whole request is; “?” marks what is not proven. Point at a field for more.</source>
        <translation>整个请求快多少倍；“?”表示未得到证实。将指针移到方格上可查看详情。</translation>
    </message>
    <message>
        <source>What each step cost or saved</source>
        <translation>每一步的代价与收益</translation>
    </message>
    <message>
        <source>Every bar begins where the one above it ended. Orange is worse, blue is better; thin lines: 95 %.</source>
        <translation>每个条形从上一个结束处开始。橙色为变差，蓝色为变好；细线为 95 % 区间。</translation>
    </message>
    <message>
        <source>Machines side by side</source>
        <translation>多台机器并排对照</translation>
    </message>
    <message>
        <source>What each machine reached, measured there; thin lines: the interval of each.</source>
        <translation>每台机器各自测得的结果；细线为各自的区间。</translation>
    </message>
</context>
<context>
    <name>ChartMenu</name>
    <message>
        <source>%1: open large, zoom, save</source>
        <translation>%1：放大查看、缩放、保存</translation>
    </message>
    <message>
        <source>Open large</source>
        <translation>放大查看</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>放大</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>缩小</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>显示全部</translation>
    </message>
    <message>
        <source>Save picture</source>
        <translation>保存图片</translation>
    </message>
    <message>
        <source>Save picture (PNG)…</source>
        <translation>保存图片 (PNG)…</translation>
    </message>
    <message>
        <source>Picture (*.png)</source>
        <translation>图片 (*.png)</translation>
    </message>
    <message>
        <source>Save picture (SVG)…</source>
        <translation>保存图片 (SVG)…</translation>
    </message>
    <message>
        <source>Picture (*.svg)</source>
        <translation>图片 (*.svg)</translation>
    </message>
    <message>
        <source>Save numbers (CSV)…</source>
        <translation>保存数值 (CSV)…</translation>
    </message>
    <message>
        <source>Save numbers</source>
        <translation>保存数值</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>表格 (*.csv)</translation>
    </message>
    <message>
        <source>“%1” could not be written: %2. Choose another folder.</source>
        <translation>无法写入“%1”：%2。请选择其他文件夹。</translation>
    </message>
</context>
<context>
    <name>CheckpointPage</name>
    <message>
        <source>Blocks of the model</source>
        <translation>模型的各个模块</translation>
    </message>
    <message>
        <source>No model is open</source>
        <translation>未打开模型</translation>
    </message>
    <message>
        <source>This page shows what a model is made of, and measures where its time goes.</source>
        <translation>此页显示模型的结构，并测量时间花在哪里。</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Measured time</source>
        <translation>实测时间</translation>
    </message>
    <message>
        <source>Facts</source>
        <translation>概况</translation>
    </message>
    <message>
        <source>Profile</source>
        <translation>剖析</translation>
    </message>
    <message>
        <source>Measure time, FLOPs and bytes of every block before anything is changed.</source>
        <translation>在做任何改动之前，测量每个模块的时间、FLOPs 和字节数。</translation>
    </message>
    <message>
        <source>Choose what to change</source>
        <translation>选择要做的优化</translation>
    </message>
</context>
<context>
    <name>ComparePage</name>
    <message>
        <source>Ask both the same question</source>
        <translation>向两个模型提同一个问题</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Send to both</source>
        <translation>发送给两者</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Forget the conversation and begin another</source>
        <translation>清除当前对话，重新开始</translation>
    </message>
    <message>
        <source>Where and why</source>
        <translation>差异在哪、为何</translation>
    </message>
    <message>
        <source>Time by part</source>
        <translation>各部分用时</translation>
    </message>
    <message>
        <source>Nothing to compare yet</source>
        <translation>还没有可对比的内容</translation>
    </message>
    <message>
        <source>Run a recipe first. Original and result then answer the same prompts side by side, and are measured.</source>
        <translation>请先运行一个配方。之后原模型与结果会并排回答相同的提示词，并接受测量。</translation>
    </message>
    <message>
        <source>Go to Run</source>
        <translation>前往运行页</translation>
    </message>
    <message>
        <source>This model writes no text: compared are how far its results agree and how long a request takes.</source>
        <translation>此模型不生成文本：对比的是结果的一致程度和每个请求的耗时。</translation>
    </message>
</context>
<context>
    <name>ConditionsView</name>
    <message>
        <source>Not measured yet</source>
        <translation>尚未测量</translation>
    </message>
    <message>
        <source>Once measured: the machine, its load, versions, and how many rounds were timed and how.</source>
        <translation>测量后显示：机器、负载、版本，以及计时的轮数和方式。</translation>
    </message>
</context>
<context>
    <name>Details</name>
    <message>
        <source>Lineage</source>
        <translation>谱系</translation>
    </message>
    <message>
        <source>Comes from, leads to</source>
        <translation>来源与去向</translation>
    </message>
    <message>
        <source>Stages</source>
        <translation>阶段</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>对比</translation>
    </message>
    <message>
        <source>Compare with the model it came from, or the two selected runs</source>
        <translation>与其来源模型对比，或对比选中的两次运行</translation>
    </message>
    <message>
        <source>Reopen</source>
        <translation>重新打开</translation>
    </message>
    <message>
        <source>Load this run&apos;s checkpoint and recipe, to change and run them</source>
        <translation>载入这次运行的检查点和配方，以便修改后再运行</translation>
    </message>
    <message>
        <source>Run again</source>
        <translation>再次运行</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <source>Not compared yet.</source>
        <translation>尚未对比。</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>配方</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Bytes of all weights that the runtime reads</source>
        <translation>运行时读取的全部权重的字节数</translation>
    </message>
    <message>
        <source>Folder size</source>
        <translation>文件夹大小</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>创建于</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行编号</translation>
    </message>
    <message numerus="yes">
        <source>Compare the %n</source>
        <translation>
            <numerusform>对比这 %n 项</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Document</name>
    <message>
        <source>Add %1</source>
        <translation>添加“%1”</translation>
    </message>
    <message>
        <source>Remove %1</source>
        <translation>移除“%1”</translation>
    </message>
    <message>
        <source>Move %1</source>
        <translation>移动“%1”</translation>
    </message>
    <message>
        <source>Switch on %1</source>
        <translation>启用“%1”</translation>
    </message>
    <message>
        <source>Switch off %1</source>
        <translation>停用“%1”</translation>
    </message>
    <message>
        <source>Change the runtime&apos;s options</source>
        <translation>更改运行时选项</translation>
    </message>
    <message>
        <source>Change %1</source>
        <translation>更改“%1”</translation>
    </message>
    <message>
        <source>Keep %1 in higher precision</source>
        <translation>让%1保持更高精度</translation>
    </message>
    <message>
        <source>Change the target</source>
        <translation>更改目标</translation>
    </message>
    <message>
        <source>Apply preset %1</source>
        <translation>应用预设“%1”</translation>
    </message>
    <message>
        <source>Clear the recipe</source>
        <translation>清空配方</translation>
    </message>
    <message>
        <source>Open %1</source>
        <translation>打开 %1</translation>
    </message>
</context>
<context>
    <name>ExplanationModel</name>
    <message>
        <source>Won back, %1</source>
        <translation>可挽回，%1</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Own error</source>
        <translation>自身误差</translation>
    </message>
    <message>
        <source>How far its output is from the original&apos;s, given what it is given there</source>
        <translation>输入与原模型相同时，其输出与原模型输出的差距</translation>
    </message>
    <message>
        <source>Accumulated</source>
        <translation>累积误差</translation>
    </message>
    <message>
        <source>The same, given what the layers before it make of the text now: errors that have added up</source>
        <translation>同样的差距，但输入来自现在的前面各层：即累积起来的误差</translation>
    </message>
    <message>
        <source>How much nearer the model comes to its original when this layer alone has its weights; measured</source>
        <translation>仅将此层恢复为原权重时，模型向原模型靠近多少；为实测值</translation>
    </message>
    <message>
        <source>Embedding</source>
        <translation>嵌入</translation>
    </message>
    <message>
        <source>Output head</source>
        <translation>输出头</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>第 %1 层</translation>
    </message>
    <message>
        <source>Build for %1</source>
        <translation>为 %1 构建</translation>
    </message>
    <message>
        <source>nats</source>
        <translation>奈特</translation>
    </message>
    <message>
        <source>1 − cosine</source>
        <translation>1 − 余弦</translation>
    </message>
    <message>
        <source>dropped</source>
        <translation>已删除</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>未改变</translation>
    </message>
</context>
<context>
    <name>ExportDialog</name>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>%1 (not here)</source>
        <translation>%1（此处不可用）</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>格式</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Waiting for the engine</source>
        <translation>正在等待引擎</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新文件夹</translation>
    </message>
    <message>
        <source>Where should it be written?</source>
        <translation>要写到哪里？</translation>
    </message>
    <message>
        <source>1 file written</source>
        <translation>已写入 1 个文件</translation>
    </message>
    <message numerus="yes">
        <source>%n files written</source>
        <translation>
            <numerusform>已写入 %n 个文件</numerusform>
        </translation>
    </message>
    <message>
        <source>read back and verified</source>
        <translation>已读回并核对</translation>
    </message>
    <message>
        <source>Show the folder</source>
        <translation>显示文件夹</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>FailureCard</name>
    <message>
        <source>What went wrong, and what to do</source>
        <translation>出了什么问题，该怎么办</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>Trust this code?</source>
        <translation>信任这段代码？</translation>
    </message>
    <message>
        <source>This model brings its own Python code. It will run with all your rights: it can read, change and send your files. Say yes only if you know and trust who wrote it.</source>
        <translation>此模型自带 Python 代码。代码将以您的全部权限运行：它可以读取、修改和发送您的文件。只有在了解并信任作者时才选“是”。</translation>
    </message>
</context>
<context>
    <name>Forecast</name>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>now %1</source>
        <translation>当前 %1</translation>
    </message>
    <message>
        <source>%1 (measured)</source>
        <translation>%1（实测）</translation>
    </message>
    <message>
        <source>The size can be foreseen once the problems are solved.</source>
        <translation>解决问题之后才能预估大小。</translation>
    </message>
    <message>
        <source>expected ≈ %1</source>
        <translation>预计 ≈ %1</translation>
    </message>
    <message>
        <source>Estimated from the headers; the run measures it.</source>
        <translation>根据文件头估算；运行时会实测。</translation>
    </message>
    <message>
        <source>The draft model comes on top.</source>
        <translation>草稿模型另计。</translation>
    </message>
    <message>
        <source>after %1</source>
        <translation>%1之后</translation>
    </message>
    <message>
        <source>original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>转为 %1</translation>
    </message>
</context>
<context>
    <name>Form</name>
    <message>
        <source>More options…</source>
        <translation>更多选项…</translation>
    </message>
    <message>
        <source>Fewer options</source>
        <translation>收起选项</translation>
    </message>
</context>
<context>
    <name>Gauges</name>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>Graphics processor</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Graphics memory</source>
        <translation>显存</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
</context>
<context>
    <name>GraphCanvas</name>
    <message>
        <source>Graph</source>
        <translation>计算图</translation>
    </message>
</context>
<context>
    <name>GraphView</name>
    <message>
        <source>Compiled model</source>
        <translation>已编译的模型</translation>
    </message>
    <message>
        <source>Operators of the graph</source>
        <translation>计算图的算子</translation>
    </message>
    <message>
        <source>Look at the graph…</source>
        <translation>查看计算图…</translation>
    </message>
    <message>
        <source>No report about a graph</source>
        <translation>没有计算图报告</translation>
    </message>
    <message>
        <source>%1 → %2 nodes</source>
        <translation>%1 → %2 个节点</translation>
    </message>
    <message>
        <source>Fused, one node for several: %1</source>
        <translation>已融合（一个节点代替多个）：%1</translation>
    </message>
    <message>
        <source>Worked out beforehand, kept as constants: %1</source>
        <translation>预先算出并保存为常量：%1</translation>
    </message>
    <message>
        <source>Weights: %1</source>
        <translation>权重：%1</translation>
    </message>
    <message>
        <source>Left to the CPU: %1</source>
        <translation>留给 CPU：%1</translation>
    </message>
    <message>
        <source>Computed by: %1</source>
        <translation>计算设备：%1</translation>
    </message>
    <message>
        <source>“%1” was built before Hasten kept such reports. Run its recipe again to get one.</source>
        <translation>“%1”构建时 Hasten 尚不保存此类报告。重新运行其配方即可获得。</translation>
    </message>
    <message>
        <source>Runs for these runtimes have one: %1. The others do not tell what they make of a model.</source>
        <translation>以下运行时的运行结果带有报告：%1。其他运行时不说明它们如何处理模型。</translation>
    </message>
</context>
<context>
    <name>GraphWindow</name>
    <message>
        <source>Graph of “%1”</source>
        <translation>“%1”的计算图</translation>
    </message>
    <message>
        <source>Reading the compiled graph</source>
        <translation>正在读取编译后的计算图</translation>
    </message>
    <message>
        <source>Graph</source>
        <translation>计算图</translation>
    </message>
    <message>
        <source>Find a node or an operator</source>
        <translation>查找节点或算子</translation>
    </message>
    <message>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <source>Show every node</source>
        <translation>显示所有节点</translation>
    </message>
    <message>
        <source>Save for Netron…</source>
        <translation>保存供 Netron 查看…</translation>
    </message>
    <message>
        <source>Two files that the viewer Netron opens, without the weights</source>
        <translation>可用查看器 Netron 打开的两个文件，不含权重</translation>
    </message>
    <message>
        <source>What is selected</source>
        <translation>所选内容</translation>
    </message>
    <message>
        <source>Double click or Enter unfolds a part. N, P: next, previous. Wheel, +, −: zoom. 0: all. Drag: move.</source>
        <translation>双击或回车展开一个部分。N、P：下一个、上一个。滚轮、+、−：缩放。0：全部。拖动：移动。</translation>
    </message>
    <message>
        <source>%1 nodes</source>
        <translation>%1 个节点</translation>
    </message>
    <message>
        <source>Weights: %1</source>
        <translation>权重：%1</translation>
    </message>
    <message>
        <source>Precision: %1</source>
        <translation>精度：%1</translation>
    </message>
    <message>
        <source>Reads: %1</source>
        <translation>读取：%1</translation>
    </message>
    <message>
        <source>Stands for: %1</source>
        <translation>代替：%1</translation>
    </message>
    <message>
        <source>%1 found</source>
        <translation>找到 %1 个</translation>
    </message>
    <message>
        <source>as it is computed (%1)</source>
        <translation>实际执行的图（%1）</translation>
    </message>
    <message>
        <source>as it was built (%1)</source>
        <translation>构建时的图（%1）</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>第 %1 层</translation>
    </message>
    <message>
        <source>fused: one node for several</source>
        <translation>已融合：一个节点代替多个</translation>
    </message>
    <message>
        <source>left to the CPU</source>
        <translation>留给 CPU 计算</translation>
    </message>
    <message>
        <source>put in by the compiler</source>
        <translation>由编译器加入</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>未改变</translation>
    </message>
    <message>
        <source>gone: fused into another or worked out</source>
        <translation>已消失：并入其他节点或已预先算出</translation>
    </message>
</context>
<context>
    <name>Hands</name>
    <message>
        <source>A picture; arrow keys read values off, “Table” shows the same numbers as text.</source>
        <translation>这是一幅图；用方向键读取数值，“表格”以文字显示相同的数值。</translation>
    </message>
</context>
<context>
    <name>Head</name>
    <message>
        <source>until sure</source>
        <translation>直到确定</translation>
    </message>
    <message>
        <source>rounds</source>
        <translation>轮</translation>
    </message>
    <message>
        <source>How often each model is timed, in turn. “Until sure” stops by itself when more would tell nothing new.</source>
        <translation>每个模型轮流计时的次数。“直到确定”会在再测也得不到新结论时自动停止。</translation>
    </message>
    <message>
        <source>Rounds</source>
        <translation>轮数</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>测量</translation>
    </message>
    <message>
        <source>Answer the built-in prompts, time both models in turn, measure memory and quality</source>
        <translation>回答内置提示词，轮流为两个模型计时，并测量内存与质量</translation>
    </message>
    <message>
        <source>Choose prompts and texts…</source>
        <translation>选择提示词与文本…</translation>
    </message>
    <message>
        <source>Show beside figures from other machines…</source>
        <translation>与其他机器的数据并排显示…</translation>
    </message>
    <message>
        <source>Save report…</source>
        <translation>保存报告…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Not measured yet</source>
        <translation>尚未测量</translation>
    </message>
    <message>
        <source>Measure times both models in turn, on the same machine, and says how sure the result is.</source>
        <translation>“测量”会在同一台机器上轮流为两个模型计时，并说明结果有多可靠。</translation>
    </message>
    <message>
        <source>Measuring</source>
        <translation>正在测量</translation>
    </message>
    <message>
        <source>Waiting for another job to end</source>
        <translation>正在等待另一项任务结束</translation>
    </message>
    <message>
        <source>Opening the models</source>
        <translation>正在打开模型</translation>
    </message>
</context>
<context>
    <name>Header</name>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Run the recipe on the open model (Ctrl+R)</source>
        <translation>对打开的模型运行配方 (Ctrl+R)</translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message>
        <source>1 run</source>
        <translation>1 次运行</translation>
    </message>
    <message numerus="yes">
        <source>%n runs</source>
        <translation>
            <numerusform>%n 次运行</numerusform>
        </translation>
    </message>
    <message>
        <source>Filter by name, model or recipe</source>
        <translation>按名称、模型或配方筛选</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>No runs yet</source>
        <translation>还没有运行记录</translation>
    </message>
    <message>
        <source>Every run is kept here with its recipe, speed, size and quality. Reopen it, compare it or export it.</source>
        <translation>每次运行都连同配方、速度、大小和质量保存在这里，可以重新打开、对比或导出。</translation>
    </message>
    <message>
        <source>Make the first run</source>
        <translation>开始第一次运行</translation>
    </message>
    <message>
        <source>Delete this run?</source>
        <translation>删除这次运行？</translation>
    </message>
    <message numerus="yes">
        <source>Delete %n runs?</source>
        <translation>
            <numerusform>删除 %n 次运行？</numerusform>
        </translation>
    </message>
    <message>
        <source>This removes the built model and its measurements from the disk. It cannot be undone.</source>
        <translation>这会从磁盘删除构建好的模型及其测量结果，且无法撤销。</translation>
    </message>
</context>
<context>
    <name>HubSearch</name>
    <message>
        <source>Name of a model, such as SmolLM2</source>
        <translation>模型名称，例如 SmolLM2</translation>
    </message>
    <message>
        <source>Search the model hub</source>
        <translation>搜索模型中心</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Only safetensors weights are downloaded. Nothing from the hub can run code here.</source>
        <translation>只下载 safetensors 权重。来自模型中心的内容无法在此运行代码。</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message>
        <source>No model of that name. Try fewer letters.</source>
        <translation>没有此名称的模型。请试试更短的关键词。</translation>
    </message>
    <message>
        <source>size unknown</source>
        <translation>大小未知</translation>
    </message>
    <message>
        <source>%1 downloads</source>
        <translation>%1 次下载</translation>
    </message>
    <message>
        <source>needs a licence agreement</source>
        <translation>需要同意许可协议</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
</context>
<context>
    <name>Inspector</name>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
</context>
<context>
    <name>LatencyDistributionChart</name>
    <message>
        <source>at most so many ms</source>
        <translation>不超过（毫秒）</translation>
    </message>
    <message>
        <source>% of tokens</source>
        <translation>token 占比（%）</translation>
    </message>
    <message>
        <source>at most %1</source>
        <translation>不超过 %1</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>median</source>
        <translation>中位数</translation>
    </message>
    <message>
        <source>longest</source>
        <translation>最长</translation>
    </message>
</context>
<context>
    <name>LengthGridChart</name>
    <message>
        <source>prompt tokens</source>
        <translation>提示词元数</translation>
    </message>
    <message>
        <source>new tokens</source>
        <translation>新词元数</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>%1 prompt and %2 new tokens, %3 at once: ×%4 (×%5 to ×%6, 99 % sure), %7 → %8: %9</source>
        <translation>%1 个提示词元，%2 个新词元，同时 %3 个：×%4（×%5 至 ×%6，99 % 确定），%7 → %8: %9</translation>
    </message>
    <message>
        <source>faster</source>
        <translation>更快</translation>
    </message>
    <message>
        <source>new tokens × texts</source>
        <translation>新 token 数 × 文本数</translation>
    </message>
    <message>
        <source>slower</source>
        <translation>更慢</translation>
    </message>
    <message>
        <source>not proven</source>
        <translation>未得到证实</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>texts at once</source>
        <translation>同时文本数</translation>
    </message>
    <message>
        <source>original</source>
        <translation>原始</translation>
    </message>
    <message>
        <source>this model</source>
        <translation>此模型</translation>
    </message>
    <message>
        <source>factor</source>
        <translation>倍数</translation>
    </message>
    <message>
        <source>99 % interval</source>
        <translation>99 % 区间</translation>
    </message>
    <message>
        <source>verdict</source>
        <translation>结论</translation>
    </message>
</context>
<context>
    <name>LiveChart</name>
    <message>
        <source>token</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>token %1</source>
        <translation>第 %1 个 token</translation>
    </message>
</context>
<context>
    <name>MachinesChart</name>
    <message>
        <source>Measurement</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>measurement</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
</context>
<context>
    <name>MachinesDialog</name>
    <message>
        <source>Machines side by side</source>
        <translation>多台机器并排对照</translation>
    </message>
    <message>
        <source>Measurements</source>
        <translation>测量结果</translation>
    </message>
    <message>
        <source>Conditions that differ</source>
        <translation>不同的条件</translation>
    </message>
    <message>
        <source>Add another machine…</source>
        <translation>添加另一台机器…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>condition</source>
        <translation>条件</translation>
    </message>
    <message>
        <source>Figures from other machines (exported as “Report as JSON”)</source>
        <translation>其他机器的数据（以“JSON 报告”导出）</translation>
    </message>
    <message>
        <source>this machine</source>
        <translation>本机</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Hasten %1 makes language models faster, and proves it.

Apache License 2.0.</source>
        <translation>Hasten %1 让语言模型更快，并加以证明。

Apache 许可证 2.0。</translation>
    </message>
    <message>
        <source>About Hasten</source>
        <translation>关于 Hasten</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
    </message>
    <message>
        <source>A run is going on.</source>
        <translation>正在运行。</translation>
    </message>
</context>
<context>
    <name>MeasureOptions</name>
    <message>
        <source>What is measured</source>
        <translation>测量内容</translation>
    </message>
    <message>
        <source>built in</source>
        <translation>内置</translation>
    </message>
    <message>
        <source>Prompts</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Prompts (*.txt *.yaml *.yml)</source>
        <translation>提示词 (*.txt *.yaml *.yml)</translation>
    </message>
    <message>
        <source>Time the rounds with these prompts</source>
        <translation>各轮计时使用这些提示</translation>
    </message>
    <message>
        <source>The rounds answer them in turn, instead of stretches of text that are all of one length.</source>
        <translation>各轮依次回答这些提示，而不是长度相同的文本片段。</translation>
    </message>
    <message>
        <source>Text for quality</source>
        <translation>质量评测文本</translation>
    </message>
    <message>
        <source>Perplexity and agreement are measured on this plain text; a few pages suffice.</source>
        <translation>用这段纯文本测量困惑度和一致率；几页即可。</translation>
    </message>
    <message>
        <source>Text (*.txt *.md)</source>
        <translation>文本 (*.txt *.md)</translation>
    </message>
    <message>
        <source>Second text</source>
        <translation>第二份文本</translation>
    </message>
    <message>
        <source>Quality on a text of another kind as well, such as program code or another language.</source>
        <translation>再用另一类文本（例如程序代码或另一种语言）测量质量。</translation>
    </message>
    <message>
        <source>Text (*.txt *.md *.py);;All files (*)</source>
        <translation>文本 (*.txt *.md *.py);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Your questions</source>
        <translation>您的问题</translation>
    </message>
    <message>
        <source>What both must answer rightly: a YAML, JSONL or CSV file with prompt, expect and how (exact, contains, regex or numeric, with a tolerance).</source>
        <translation>双方都应答对的问题：YAML、JSONL 或 CSV 文件，含 prompt、expect 和 how（exact、contains、regex 或 numeric，后者可带 tolerance）。</translation>
    </message>
    <message>
        <source>Questions (*.yaml *.yml *.jsonl *.csv)</source>
        <translation>问题 (*.yaml *.yml *.jsonl *.csv)</translation>
    </message>
    <message>
        <source>Your texts</source>
        <translation>您的文本</translation>
    </message>
    <message>
        <source>Texts and what people would write to them, such as translations or summaries: a JSONL, CSV or TSV file with source and reference. Measured are BLEU, ROUGE and the word error rate.</source>
        <translation>文本以及人会写出的内容，例如译文或摘要：含 source 和 reference 的 JSONL、CSV 或 TSV 文件。测量 BLEU、ROUGE 和词错误率。</translation>
    </message>
    <message>
        <source>Texts (*.jsonl *.csv *.tsv)</source>
        <translation>文本 (*.jsonl *.csv *.tsv)</translation>
    </message>
    <message>
        <source>Answers to them</source>
        <translation>对其的回答</translation>
    </message>
    <message>
        <source>How long what the models write to your texts may be.</source>
        <translation>模型针对您的文本所写内容的最大长度。</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>个词元</translation>
    </message>
    <message>
        <source>Data set</source>
        <translation>数据集</translation>
    </message>
    <message>
        <source>For encoders: a CSV of sentence, sentence, score (such as STS-B); for classifiers: text, class number; for taggers: CoNLL, or JSONL with tokens and tags.</source>
        <translation>编码器：句子、句子、分数的 CSV（如 STS-B）；分类器：文本、类别编号；标注模型：CoNLL，或含 tokens 和 tags 的 JSONL。</translation>
    </message>
    <message>
        <source>Data sets (*.csv *.tsv *.jsonl *.conll *.conllu *.bio *.iob *.iob2 *.txt)</source>
        <translation>数据集 (*.csv *.tsv *.jsonl *.conll *.conllu *.bio *.iob *.iob2 *.txt)</translation>
    </message>
    <message>
        <source>the last column, or “tags”</source>
        <translation>最后一列，或“tags”</translation>
    </message>
    <message>
        <source>Column of the tags</source>
        <translation>标签所在的列</translation>
    </message>
    <message>
        <source>A number from 1 in a CoNLL file, or the name of the field in JSONL.</source>
        <translation>CoNLL 文件中从 1 开始的列号，或 JSONL 中的字段名。</translation>
    </message>
    <message>
        <source>Tasks of lm-eval</source>
        <translation>lm-eval 任务</translation>
    </message>
    <message>
        <source>Names apart by commas, such as arc_easy,crows_pairs_english; or paths of your own task files.</source>
        <translation>用逗号分隔的名称，例如 arc_easy,crows_pairs_english；或您自己的任务文件的路径。</translation>
    </message>
    <message>
        <source>lm-eval is not installed: run “pip install hasten[eval]” and start Hasten again.</source>
        <translation>未安装 lm-eval：请运行“pip install hasten[eval]”，然后重新启动 Hasten。</translation>
    </message>
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Documents of each</source>
        <translation>每个任务的文档数</translation>
    </message>
    <message>
        <source>Only the first so many of each task are asked.</source>
        <translation>每个任务只询问前若干个文档。</translation>
    </message>
    <message>
        <source>Time for the rounds</source>
        <translation>计时时限</translation>
    </message>
    <message>
        <source>Where rounds go on “until sure”, they end after this time at the latest.</source>
        <translation>计时“直到确定”时，最迟在此时间后结束。</translation>
    </message>
    <message>
        <source>Pause while other programs are busy</source>
        <translation>其他程序繁忙时暂停</translation>
    </message>
    <message>
        <source>Between rounds, while others take much of the processors; at most half of the time above.</source>
        <translation>在两轮之间，当其他程序大量占用处理器时暂停；总共不超过上面时间的一半。</translation>
    </message>
    <message>
        <source>one only</source>
        <translation>仅一个</translation>
    </message>
    <message>
        <source>Requests at once</source>
        <translation>同时请求数</translation>
    </message>
    <message>
        <source>How quickly so many are answered as well; each waits for its turn, and that counts.</source>
        <translation>另外测量同时这么多请求时回答得多快；每个请求要排队，等待时间计入。</translation>
    </message>
    <message>
        <source>no deadline</source>
        <translation>无期限</translation>
    </message>
    <message>
        <source>one length only</source>
        <translation>只测一种长度</translation>
    </message>
    <message>
        <source>Other lengths</source>
        <translation>其他长度</translation>
    </message>
    <message>
        <source>Prompt tokens × new tokens (× texts at once) to time as well, such as 32,128x16,64 or 32x16x1,4.</source>
        <translation>另外计时的提示词元数 × 新词元数（× 同时文本数），例如 32,128x16,64 或 32x16x1,4。</translation>
    </message>
    <message>
        <source>As at first</source>
        <translation>恢复默认</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>What models that write answer: a text file with one prompt a line, or a YAML list.</source>
        <translation>会写文本的模型要回答的内容：每行一个提示的文本文件，或 YAML 列表。</translation>
    </message>
    <message>
        <source>Answers within</source>
        <translation>回答时限</translation>
    </message>
    <message>
        <source>The verdict says whether 99 of 100 answers begin (of encoders: are there) within this time.</source>
        <translation>结论会说明 100 个回答中是否有 99 个在此时间内开始（编码器则为完成）。</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>选择文件…</translation>
    </message>
</context>
<context>
    <name>MeasurementModel</name>
    <message>
        <source>%1, second text</source>
        <translation>%1，第二份文本</translation>
    </message>
    <message>
        <source>Measurement</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>变化</translation>
    </message>
    <message>
        <source>Change of %1</source>
        <translation>%1 的变化</translation>
    </message>
    <message>
        <source>the same</source>
        <translation>相同</translation>
    </message>
    <message>
        <source>better on the same cases</source>
        <translation>在相同样本上更好</translation>
    </message>
    <message>
        <source>worse on the same cases</source>
        <translation>在相同样本上更差</translation>
    </message>
    <message>
        <source>no proven difference on the same cases</source>
        <translation>在相同样本上没有已证实的差异</translation>
    </message>
    <message>
        <source>no clear difference: the intervals overlap</source>
        <translation>无明显差异：区间有重叠</translation>
    </message>
    <message>
        <source>better</source>
        <translation>更好</translation>
    </message>
    <message>
        <source>worse</source>
        <translation>更差</translation>
    </message>
</context>
<context>
    <name>MemoryChart</name>
    <message>
        <source>What the chart shows</source>
        <translation>图表内容</translation>
    </message>
    <message>
        <source>at most</source>
        <translation>最大值</translation>
    </message>
    <message>
        <source>over time</source>
        <translation>随时间</translation>
    </message>
    <message>
        <source>seconds</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>process</source>
        <translation>进程</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>size</source>
        <translation>大小</translation>
    </message>
</context>
<context>
    <name>ModulesModel</name>
    <message>
        <source>Part</source>
        <translation>部分</translation>
    </message>
    <message>
        <source>Median time of a pass, with half of its 95 % interval</source>
        <translation>一次计算用时的中位数，及其 95 % 区间的一半</translation>
    </message>
    <message>
        <source>Share</source>
        <translation>占比</translation>
    </message>
    <message>
        <source>Of the whole pass; the shares add up</source>
        <translation>占整次计算的比例；各占比之和为全部</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重大小</translation>
    </message>
    <message>
        <source>Bytes of the weights that the part holds; what two parts share counts for each</source>
        <translation>该部分所含权重的字节数；两部分共用的权重各计一次</translation>
    </message>
    <message>
        <source>This model has no such part</source>
        <translation>此模型没有这一部分</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>第 %1 层</translation>
    </message>
    <message>
        <source>Encoder</source>
        <translation>编码器</translation>
    </message>
    <message>
        <source>Decoder</source>
        <translation>解码器</translation>
    </message>
    <message>
        <source>Embedding</source>
        <translation>嵌入</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>Attention to the prompt</source>
        <translation>对提示词的注意力</translation>
    </message>
    <message>
        <source>MLP</source>
        <translation>MLP</translation>
    </message>
    <message>
        <source>Norms</source>
        <translation>归一化</translation>
    </message>
    <message>
        <source>Between its parts</source>
        <translation>层内其余</translation>
    </message>
    <message>
        <source>Output head</source>
        <translation>输出头</translation>
    </message>
    <message>
        <source>Shared by all layers</source>
        <translation>各层共用</translation>
    </message>
    <message>
        <source>Outside of all parts</source>
        <translation>各部分之外</translation>
    </message>
</context>
<context>
    <name>ModulesView</name>
    <message>
        <source>Where does the time go?</source>
        <translation>时间花在哪里？</translation>
    </message>
    <message>
        <source>Every part of the models is timed by their runtimes&apos; own profilers, in a run of its own.</source>
        <translation>用各运行时自带的剖析器为模型的每个部分计时，单独运行一次。</translation>
    </message>
    <message>
        <source>Measure it</source>
        <translation>开始测量</translation>
    </message>
    <message>
        <source>Measuring every part</source>
        <translation>正在测量每个部分</translation>
    </message>
    <message>
        <source>Phase</source>
        <translation>阶段</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>行</translation>
    </message>
    <message>
        <source>parts of all layers together</source>
        <translation>所有层的同类部分合计</translation>
    </message>
    <message>
        <source>layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>every part of every layer</source>
        <translation>每一层的每个部分</translation>
    </message>
    <message>
        <source>Measure again</source>
        <translation>重新测量</translation>
    </message>
    <message>
        <source>Time of every part</source>
        <translation>每个部分的用时</translation>
    </message>
    <message>
        <source>one new token (decode)</source>
        <translation>生成一个词元（解码）</translation>
    </message>
    <message>
        <source>reading the prompt (prefill)</source>
        <translation>读取提示词（预填充）</translation>
    </message>
    <message>
        <source>%1: most in “%2”, %3</source>
        <translation>%1：“%2”用时最多，占 %3</translation>
    </message>
    <message>
        <source>%1 %2 instead of %3</source>
        <translation>%1 为 %2，而非 %3</translation>
    </message>
    <message>
        <source>Profilers slow a model down: %1. Comparisons are timed without them.</source>
        <translation>剖析器会使模型变慢：%1。比较时的计时不使用剖析器。</translation>
    </message>
</context>
<context>
    <name>Notes</name>
    <message numerus="yes">
        <source>%n note(s)</source>
        <translation>
            <numerusform>%n 条说明</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Opener</name>
    <message>
        <source>Fetching the sample model</source>
        <translation>正在获取示例模型</translation>
    </message>
    <message>
        <source>Reading %1</source>
        <translation>正在读取 %1</translation>
    </message>
    <message>
        <source>Downloading %1</source>
        <translation>正在下载 %1</translation>
    </message>
    <message>
        <source>Converting %1</source>
        <translation>正在转换 %1</translation>
    </message>
</context>
<context>
    <name>OperatorModel</name>
    <message>
        <source>Operator</source>
        <translation>算子</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>之前</translation>
    </message>
    <message>
        <source>Nodes in the graph that was built</source>
        <translation>所构建计算图中的节点</translation>
    </message>
    <message>
        <source>After</source>
        <translation>之后</translation>
    </message>
    <message>
        <source>Nodes that are executed</source>
        <translation>实际执行的节点</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>The type of its weights; of its results where it holds none</source>
        <translation>其权重的类型；没有权重时为其结果的类型</translation>
    </message>
    <message>
        <source>Fused</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>One node that does what several simple ones did</source>
        <translation>一个节点完成原先多个简单节点的工作</translation>
    </message>
</context>
<context>
    <name>Page</name>
    <message>
        <source>Start</source>
        <translation>开始</translation>
    </message>
    <message>
        <source>Checkpoint</source>
        <translation>检查点</translation>
    </message>
    <message>
        <source>Pipeline</source>
        <translation>流水线</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>对比</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
</context>
<context>
    <name>Palette</name>
    <message>
        <source>What do you want to do?</source>
        <translation>想做什么？</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>Matching commands</source>
        <translation>匹配的命令</translation>
    </message>
</context>
<context>
    <name>Pane</name>
    <message>
        <source>The original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <source>The optimised model</source>
        <translation>优化后的模型</translation>
    </message>
    <message>
        <source>%1: choose what stands on this side</source>
        <translation>%1：选择放在这一侧的模型</translation>
    </message>
    <message>
        <source>Answers of %1</source>
        <translation>%1 的回答</translation>
    </message>
    <message>
        <source>first token %1 · %2</source>
        <translation>首个词元 %1 · %2</translation>
    </message>
</context>
<context>
    <name>PassCard</name>
    <message>
        <source>on</source>
        <translation>启用</translation>
    </message>
    <message>
        <source>A pass that is switched off stays in the recipe and does nothing.</source>
        <translation>停用的步骤仍留在配方中，但不起作用。</translation>
    </message>
    <message>
        <source>%1 is on</source>
        <translation>“%1”已启用</translation>
    </message>
    <message>
        <source>Move or remove %1</source>
        <translation>移动或移除“%1”</translation>
    </message>
    <message>
        <source>Move earlier</source>
        <translation>前移</translation>
    </message>
    <message>
        <source>Move later</source>
        <translation>后移</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
</context>
<context>
    <name>PipelinePage</name>
    <message>
        <source>Begin with a preset</source>
        <translation>从预设开始</translation>
    </message>
    <message>
        <source>Or add passes one by one; they run from left to right, then the target.</source>
        <translation>也可以逐个添加步骤；它们从左到右依次执行，最后是目标。</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Use the preset %1</source>
        <translation>使用预设“%1”</translation>
    </message>
    <message>
        <source>Presets</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Undo (Ctrl+Z)</source>
        <translation>撤销 (Ctrl+Z)</translation>
    </message>
    <message>
        <source>Redo (Ctrl+Shift+Z)</source>
        <translation>重做 (Ctrl+Shift+Z)</translation>
    </message>
    <message>
        <source>Open, save or copy the recipe</source>
        <translation>打开、保存或复制配方</translation>
    </message>
    <message>
        <source>Pipeline</source>
        <translation>流水线</translation>
    </message>
    <message>
        <source>Undo: %1 (Ctrl+Z)</source>
        <translation>撤销：%1 (Ctrl+Z)</translation>
    </message>
    <message>
        <source>Redo: %1 (Ctrl+Shift+Z)</source>
        <translation>重做：%1 (Ctrl+Shift+Z)</translation>
    </message>
</context>
<context>
    <name>ProfileModel</name>
    <message>
        <source>Block</source>
        <translation>模块</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Measured wall time, median over repeats, with its 95 % interval.</source>
        <translation>实测墙钟时间，多次重复取中位数，附 95 % 区间。</translation>
    </message>
    <message>
        <source>Share of the slowest block</source>
        <translation>相对最慢模块</translation>
    </message>
    <message>
        <source>FLOPs</source>
        <translation>FLOPs</translation>
    </message>
    <message>
        <source>Floating-point operations, counted; a multiply-add is two.</source>
        <translation>浮点运算次数（计数所得）；一次乘加算两次。</translation>
    </message>
    <message>
        <source>Memory traffic</source>
        <translation>访存量</translation>
    </message>
    <message>
        <source>Bytes that must be read or written: weights, inputs, outputs.</source>
        <translation>必须读写的字节数：权重、输入、输出。</translation>
    </message>
</context>
<context>
    <name>ProfileView</name>
    <message>
        <source>Time, FLOPs and bytes per block</source>
        <translation>各模块的时间、FLOPs 和字节数</translation>
    </message>
    <message>
        <source>Phase</source>
        <translation>阶段</translation>
    </message>
    <message>
        <source>one new token (decode)</source>
        <translation>生成一个词元（解码）</translation>
    </message>
    <message>
        <source>reading the prompt (prefill)</source>
        <translation>读取提示词（预填充）</translation>
    </message>
    <message>
        <source>Where does the time go?</source>
        <translation>时间花在哪里？</translation>
    </message>
    <message>
        <source>The profile measures every block of the model, so that you know what is worth changing.</source>
        <translation>剖析会测量模型的每个模块，让您知道哪里值得优化。</translation>
    </message>
    <message>
        <source>Measure it</source>
        <translation>开始测量</translation>
    </message>
    <message>
        <source>Measuring every block</source>
        <translation>正在测量每个模块</translation>
    </message>
    <message>
        <source>%1 takes the most time. The whole model: %2.</source>
        <translation>耗时最多的是 %1。整个模型：%2。</translation>
    </message>
</context>
<context>
    <name>ProgressCard</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Starting the engine…</source>
        <translation>正在启动引擎…</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
</context>
<context>
    <name>PromptList</name>
    <message>
        <source>Prompts</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>In order</source>
        <translation>按顺序</translation>
    </message>
    <message>
        <source>Most different first</source>
        <translation>差异最大的在前</translation>
    </message>
    <message>
        <source>Only different ones</source>
        <translation>只看有差异的</translation>
    </message>
    <message>
        <source>Which prompts are listed</source>
        <translation>列出哪些提示词</translation>
    </message>
    <message>
        <source>Most different: by the share of tokens that only one side wrote, then by their probabilities</source>
        <translation>差异大小：先按只有一方写出的词元所占比例，再按概率</translation>
    </message>
    <message>
        <source>Your conversation</source>
        <translation>您的对话</translation>
    </message>
    <message>
        <source>not answered yet</source>
        <translation>尚未回答</translation>
    </message>
    <message>
        <source>the same answer</source>
        <translation>回答相同</translation>
    </message>
    <message>
        <source>parts at token %1</source>
        <translation>从第 %1 个词元起不同</translation>
    </message>
    <message>
        <source>%1 of the tokens stand on one side only</source>
        <translation>%1 的词元只出现在一方</translation>
    </message>
</context>
<context>
    <name>QualitySpeedChart</name>
    <message>
        <source>times as fast as the original</source>
        <translation>相对原模型的速度（倍）</translation>
    </message>
    <message>
        <source>agreement, %</source>
        <translation>一致率（%）</translation>
    </message>
    <message>
        <source>%1 times as fast</source>
        <translation>速度为 %1 倍</translation>
    </message>
    <message>
        <source>%1 the same tokens</source>
        <translation>%1 的 token 相同</translation>
    </message>
    <message>
        <source>no run is better in both</source>
        <translation>没有运行在两方面都更好</translation>
    </message>
    <message>
        <source>run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>same token as the original</source>
        <translation>与原模型词元相同</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
</context>
<context>
    <name>RateLiveChart</name>
    <message>
        <source>tokens/s</source>
        <translation>词元/s</translation>
    </message>
</context>
<context>
    <name>Recent</name>
    <message>
        <source>Recent</source>
        <translation>最近打开</translation>
    </message>
</context>
<context>
    <name>RecentItem</name>
    <message>
        <source>Remove from this list</source>
        <translation>从列表中移除</translation>
    </message>
</context>
<context>
    <name>RecipeFiles</name>
    <message>
        <source>Recipe (*.yaml *.yml)</source>
        <translation>配方 (*.yaml *.yml)</translation>
    </message>
    <message>
        <source>Open recipe…</source>
        <translation>打开配方…</translation>
    </message>
    <message>
        <source>Save recipe</source>
        <translation>保存配方</translation>
    </message>
    <message>
        <source>Save recipe as…</source>
        <translation>配方另存为…</translation>
    </message>
    <message>
        <source>Copy as YAML</source>
        <translation>复制为 YAML</translation>
    </message>
    <message>
        <source>Copy as command line</source>
        <translation>复制为命令行</translation>
    </message>
    <message>
        <source>Copy as Python</source>
        <translation>复制为 Python</translation>
    </message>
    <message>
        <source>Clear the recipe</source>
        <translation>清空配方</translation>
    </message>
    <message>
        <source>Open recipe</source>
        <translation>打开配方</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>配方</translation>
    </message>
</context>
<context>
    <name>ResultCard</name>
    <message>
        <source>Compare</source>
        <translation>对比</translation>
    </message>
    <message>
        <source>Let the original and the result answer the same prompts, and measure both</source>
        <translation>让原模型与结果回答相同的提示词，并测量两者</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>The optimised model is ready</source>
        <translation>优化后的模型已就绪</translation>
    </message>
    <message>
        <source>stages made: %1</source>
        <translation>完成阶段：%1</translation>
    </message>
    <message>
        <source>taken from the cache: %1</source>
        <translation>取自缓存：%1</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>用时 %1</translation>
    </message>
    <message>
        <source>kept in History as %1</source>
        <translation>已存入历史：%1</translation>
    </message>
</context>
<context>
    <name>Results</name>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Distribution and memory</source>
        <translation>分布与内存</translation>
    </message>
    <message>
        <source>What the compiler did</source>
        <translation>编译器做了什么</translation>
    </message>
    <message>
        <source>Case by case</source>
        <translation>逐例查看</translation>
    </message>
    <message>
        <source>Conditions</source>
        <translation>测量条件</translation>
    </message>
    <message>
        <source>Lengths</source>
        <translation>长度</translation>
    </message>
    <message>
        <source>Measurements</source>
        <translation>测量结果</translation>
    </message>
</context>
<context>
    <name>RunPage</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop. Finished stages are kept, and the next run goes on from there.</source>
        <translation>停止。已完成的阶段会保留，下次运行从那里继续。</translation>
    </message>
    <message>
        <source>Stages</source>
        <translation>阶段</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Show log</source>
        <translation>显示日志</translation>
    </message>
    <message>
        <source>Nothing to run yet</source>
        <translation>还没有可运行的内容</translation>
    </message>
    <message>
        <source>Open a model first. This page then shows each stage of the recipe while it works on the model.</source>
        <translation>请先打开模型。运行配方时，此页会显示每个阶段的进展。</translation>
    </message>
    <message>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>Build for %1</source>
        <translation>为 %1 构建</translation>
    </message>
    <message>
        <source>Finished stages are kept; Run goes on from there.</source>
        <translation>已完成的阶段已保留；点“运行”从那里继续。</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>Waiting for another job to end</source>
        <translation>正在等待另一项任务结束</translation>
    </message>
    <message>
        <source>Starting the engine</source>
        <translation>正在启动引擎</translation>
    </message>
    <message>
        <source>Hide log</source>
        <translation>隐藏日志</translation>
    </message>
</context>
<context>
    <name>RunsModel</name>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>配方</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Not compared yet</source>
        <translation>尚未对比</translation>
    </message>
    <message>
        <source>Times as fast as the model it was compared with</source>
        <translation>相对对比模型的速度倍数</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>before: %1</source>
        <translation>优化前：%1</translation>
    </message>
    <message>
        <source>Bytes of all weights that the runtime reads</source>
        <translation>运行时读取的全部权重的字节数</translation>
    </message>
    <message>
        <source>Quality</source>
        <translation>质量</translation>
    </message>
    <message>
        <source>How often it picks the same token as the model it was compared with</source>
        <translation>与对比模型选出相同词元的比例</translation>
    </message>
    <message>
        <source>When</source>
        <translation>时间</translation>
    </message>
</context>
<context>
    <name>SamplingButton</name>
    <message>
        <source>How the next token is chosen, and how long an answer may be</source>
        <translation>如何选择下一个词元，以及回答的最大长度</translation>
    </message>
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>个词元</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>0 always takes the likeliest token; higher is more varied.</source>
        <translation>0 总是取概率最高的词元；越高越多样。</translation>
    </message>
    <message>
        <source>Top k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Choose among this many of the likeliest tokens only.</source>
        <translation>只在概率最高的这么多个词元中选择。</translation>
    </message>
    <message>
        <source>Top p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Choose among the likeliest tokens that together have this probability.</source>
        <translation>只在累计概率达到此值的最可能词元中选择。</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>The same seed draws the same tokens again.</source>
        <translation>种子相同，抽到的词元也相同。</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>最大回答长度</translation>
    </message>
    <message>
        <source>An answer ends here even if the model would go on.</source>
        <translation>即使模型还会继续，回答也到此为止。</translation>
    </message>
    <message>
        <source>likeliest token</source>
        <translation>最可能的词元</translation>
    </message>
    <message>
        <source>temperature %1</source>
        <translation>温度 %1</translation>
    </message>
    <message>
        <source>%1 · up to %2 tokens ▾</source>
        <translation>%1 · 最多 %2 个词元 ▾</translation>
    </message>
</context>
<context>
    <name>SaveDifferences</name>
    <message>
        <source>Save the differences as CSV or JSON…</source>
        <translation>将差异保存为 CSV 或 JSON…</translation>
    </message>
    <message>
        <source>Save the differences</source>
        <translation>保存差异</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>as the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Takes effect at the next start.</source>
        <translation>下次启动时生效。</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>For profiles and comparisons. Automatic is what was measured to be best here, else one per physical core.</source>
        <translation>用于性能剖析与比较。自动：采用在本机实测最佳的线程数，未实测时每个物理核心一个线程。</translation>
    </message>
    <message>
        <source>Price of an hour</source>
        <translation>每小时价格</translation>
    </message>
    <message>
        <source>What an hour of this machine costs, in any currency: comparisons then tell the cost of a million tokens.</source>
        <translation>这台机器每小时的费用，货币任意：比较时会据此给出百万词元的成本。</translation>
    </message>
    <message>
        <source>Computing</source>
        <translation>计算</translation>
    </message>
    <message>
        <source>Stage cache</source>
        <translation>阶段缓存</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>存储</translation>
    </message>
    <message>
        <source>Stages are kept up to this size, so that a changed recipe re-runs only what changed.</source>
        <translation>阶段结果最多保留到此大小，修改配方后只需重跑改动的部分。</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>更改…</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Data folder</source>
        <translation>数据文件夹</translation>
    </message>
    <message>
        <source>The environment variable HASTEN_HOME decides it.</source>
        <translation>由环境变量 HASTEN_HOME 决定。</translation>
    </message>
    <message>
        <source>Runs, models and caches lie here.</source>
        <translation>运行记录、模型和缓存存放在这里。</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Model hub</source>
        <translation>模型中心</translation>
    </message>
    <message>
        <source>A mirror&apos;s address, if you use one. Takes effect at the next start.</source>
        <translation>如使用镜像，请填写其地址。下次启动时生效。</translation>
    </message>
    <message>
        <source>Access token</source>
        <translation>访问令牌</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Forget</source>
        <translation>清除</translation>
    </message>
    <message>
        <source>Choose a data folder</source>
        <translation>选择数据文件夹</translation>
    </message>
    <message>
        <source>From the next start on: %1. What lies in the old folder stays there.</source>
        <translation>下次启动起使用：%1。旧文件夹中的内容保持不变。</translation>
    </message>
    <message>
        <source>The token cannot be kept: %1.</source>
        <translation>无法保存令牌：%1。</translation>
    </message>
    <message>
        <source>a token is kept</source>
        <translation>已保存令牌</translation>
    </message>
    <message>
        <source>Needed only for models that ask for an agreement. It is kept where huggingface_hub looks for it.</source>
        <translation>仅用于需要同意协议的模型。令牌保存在 huggingface_hub 读取的位置。</translation>
    </message>
</context>
<context>
    <name>StagesModel</name>
    <message>
        <source>Stage</source>
        <translation>阶段</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>did not finish</source>
        <translation>未完成</translation>
    </message>
    <message>
        <source>stopped; it will be taken up again from here</source>
        <translation>已停止；将从这里继续</translation>
    </message>
    <message>
        <source>from cache</source>
        <translation>来自缓存</translation>
    </message>
</context>
<context>
    <name>StartPage</name>
    <message>
        <source>Try the sample model</source>
        <translation>试用示例模型</translation>
    </message>
    <message>
        <source>SmolLM2-135M-Instruct, a small chat model</source>
        <translation>SmolLM2-135M-Instruct，一个小型对话模型</translation>
    </message>
    <message>
        <source>Which model shall become faster?</source>
        <translation>想让哪个模型更快？</translation>
    </message>
    <message>
        <source>Open one, choose what to change, run it, and see original and result side by side.</source>
        <translation>打开模型，选择优化，运行，然后并排查看原模型与结果。</translation>
    </message>
    <message>
        <source>Open a folder…</source>
        <translation>打开文件夹…</translation>
    </message>
    <message>
        <source>Open a GGUF file…</source>
        <translation>打开 GGUF 文件…</translation>
    </message>
    <message>
        <source>Search the model hub</source>
        <translation>搜索模型中心</translation>
    </message>
    <message>
        <source>Open a model folder</source>
        <translation>打开模型文件夹</translation>
    </message>
    <message>
        <source>Open a GGUF file</source>
        <translation>打开 GGUF 文件</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF 模型 (*.gguf)</translation>
    </message>
    <message>
        <source>SmolLM2, a chat model of 135 million parameters. It is downloaded once: 93 MB.</source>
        <translation>SmolLM2，1.35 亿参数的对话模型。只需下载一次：93 MB。</translation>
    </message>
</context>
<context>
    <name>TabRow</name>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
</context>
<context>
    <name>Tables</name>
    <message>
        <source>Sort by this column</source>
        <translation>按此列排序</translation>
    </message>
    <message>
        <source>Sort by this column, largest first</source>
        <translation>按此列排序，从大到小</translation>
    </message>
</context>
<context>
    <name>TargetForm</name>
    <message>
        <source>Runtime</source>
        <translation>运行时</translation>
    </message>
    <message>
        <source>The program that computes the model.</source>
        <translation>执行模型计算的程序。</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Processor threads of each replica; automatic is what was measured to be best here, else one per physical core.</source>
        <translation>每个副本的处理器线程数；“自动”采用在本机实测最佳的线程数，未实测时为每个物理核心一个线程。</translation>
    </message>
    <message>
        <source>Replicas</source>
        <translation>副本数</translation>
    </message>
    <message>
        <source>Independent copies on this machine, each with its own threads: more requests at once.</source>
        <translation>本机上相互独立的副本，各有自己的线程：可同时处理更多请求。</translation>
    </message>
    <message>
        <source>Split over GPUs</source>
        <translation>多 GPU 拆分</translation>
    </message>
    <message>
        <source>Balanced lays the layers over all graphics cards, for models that do not fit on one.</source>
        <translation>“均衡”把各层分布到所有显卡，适合单卡放不下的模型。</translation>
    </message>
    <message>
        <source>Speculation</source>
        <translation>推测解码</translation>
    </message>
    <message>
        <source>OpenVINO alone computes there.</source>
        <translation>只有 OpenVINO 能在那里计算。</translation>
    </message>
    <message>
        <source>original checks</source>
        <translation>原模型核对</translation>
    </message>
    <message>
        <source>draft model</source>
        <translation>草稿模型</translation>
    </message>
    <message>
        <source>Draft model</source>
        <translation>草稿模型</translation>
    </message>
    <message>
        <source>Where it computes: the processor, an NVIDIA graphics card (CUDA), or with OpenVINO Intel&apos;s graphics or its unit for neural networks (NPU).</source>
        <translation>在哪里计算：处理器、NVIDIA 显卡（CUDA），或者通过 OpenVINO 使用 Intel 的显卡或神经网络单元（NPU）。</translation>
    </message>
    <message>
        <source>Tokens are guessed ahead and checked at once: the answer stays the same and may come sooner. Prompt lookup guesses that the text repeats itself; original checks: this result guesses and the original answers; draft model: another model guesses for this result.</source>
        <translation>提前猜测词元并一次核对：回答不变，可能更快。提示查找：猜测文本会重复自身；原模型核对：由本结果猜测、原模型作答；草稿模型：由另一个模型为本结果猜测。</translation>
    </message>
    <message>
        <source>The checkpoint folder or run that guesses: a smaller model with the same vocabulary.</source>
        <translation>负责猜测的检查点文件夹或运行：词表相同的较小模型。</translation>
    </message>
    <message>
        <source>Installed: %1</source>
        <translation>已安装：%1</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>prompt lookup</source>
        <translation>提示查找</translation>
    </message>
</context>
<context>
    <name>TextsView</name>
    <message>
        <source>Texts, most changed first</source>
        <translation>文本，变化最大的在前</translation>
    </message>
    <message>
        <source>Rows of the table of labels</source>
        <translation>标签表的行</translation>
    </message>
    <message>
        <source>Another label for %1 of %2 texts (%3)</source>
        <translation>%2 个文本中有 %1 个的标签变了（%3）</translation>
    </message>
    <message>
        <source>Another tag for %1 of %2 words (%3)</source>
        <translation>%2 个词中有 %1 个标签不同（%3）</translation>
    </message>
    <message>
        <source>Other nearest texts for %1 of %2 texts (%3)</source>
        <translation>%2 个文本中有 %1 个的近邻变了（%3）</translation>
    </message>
    <message>
        <source>From the original&apos;s label to the new one</source>
        <translation>从原标签到新标签</translation>
    </message>
    <message>
        <source>Right label and the label of %1</source>
        <translation>正确标签与 %1 的标签</translation>
    </message>
    <message>
        <source>Original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <source>Optimised</source>
        <translation>优化后</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>正确标签</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
</context>
<context>
    <name>TokenTip</name>
    <message>
        <source>less</source>
        <translation>更低</translation>
    </message>
    <message>
        <source>more</source>
        <translation>更高</translation>
    </message>
    <message>
        <source>Tint: the optimised model finds the token %1 or %2 probable. Underlined: only this side wrote it.</source>
        <translation>底色：优化后的模型给该词元的概率%1或%2。下划线：只有这一方写出它。</translation>
    </message>
</context>
<context>
    <name>TokenWindow</name>
    <message>
        <source>Where this token&apos;s error grew</source>
        <translation>此词元的误差在何处增大</translation>
    </message>
    <message>
        <source>Errors of the layers at this token</source>
        <translation>各层在此词元处的误差</translation>
    </message>
    <message>
        <source>Following the token through both models</source>
        <translation>正在两个模型中逐层跟踪此词元</translation>
    </message>
    <message>
        <source>KL divergence here: %1 nats. Both models read %2 tokens before this one, and computed in float32 from their checkpoints, without the runtime&apos;s own rounding.</source>
        <translation>此处的 KL 散度：%1 奈特。两个模型都先读取了 %2 个词元，并以 float32 按各自的检查点计算，不含运行时自身的舍入。</translation>
    </message>
    <message>
        <source>Token %1: “%2”</source>
        <translation>词元 %1：“%2”</translation>
    </message>
    <message>
        <source>the error grew most in %1, by %2</source>
        <translation>误差在%1增大最多，增加 %2</translation>
    </message>
</context>
<context>
    <name>TuningView</name>
    <message>
        <source>Measure this machine</source>
        <translation>测量本机</translation>
    </message>
    <message>
        <source>Forget</source>
        <translation>清除</translation>
    </message>
    <message>
        <source>Measuring this machine</source>
        <translation>正在测量本机</translation>
    </message>
    <message>
        <source>Measures which number of threads, which cores and which memory pages decode fastest here. It takes some minutes; let the computer rest meanwhile.</source>
        <translation>测量在本机上用多少线程、哪些核心和哪种内存页解码最快。需要几分钟，期间请勿让电脑处理其他任务。</translation>
    </message>
    <message>
        <source>%1: measured with version %2; measure again for the version installed now.</source>
        <translation>%1：测量时的版本为 %2；请针对现在安装的版本重新测量。</translation>
    </message>
    <message>
        <source>%1: %2, the default. Nothing else was proven faster.</source>
        <translation>%1：%2（默认设置）。没有其他设置被证明更快。</translation>
    </message>
    <message>
        <source>%1: %2, %3 times as fast as the default.</source>
        <translation>%1：%2，速度为默认设置的 %3 倍。</translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n 个线程</numerusform>
        </translation>
    </message>
    <message>
        <source>on physical cores only</source>
        <translation>仅用物理核心</translation>
    </message>
    <message>
        <source>with huge memory pages</source>
        <translation>使用大内存页</translation>
    </message>
</context>
<context>
    <name>WaterfallChart</name>
    <message>
        <source>What the bars show</source>
        <translation>条形显示的内容</translation>
    </message>
    <message>
        <source>distance from the original</source>
        <translation>与原模型的距离</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>distance from the original, %1</source>
        <translation>与原模型的距离，%1</translation>
    </message>
    <message>
        <source>weights, MiB</source>
        <translation>权重，MiB</translation>
    </message>
    <message>
        <source>%1, ms</source>
        <translation>%1，毫秒</translation>
    </message>
    <message>
        <source>step</source>
        <translation>步骤</translation>
    </message>
    <message>
        <source>lost, %1</source>
        <translation>损失，%1</translation>
    </message>
    <message>
        <source>perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <source>Original</source>
        <translation>原模型</translation>
    </message>
    <message>
        <source>All steps</source>
        <translation>全部步骤</translation>
    </message>
    <message>
        <source>time per token</source>
        <translation>每词元耗时</translation>
    </message>
    <message>
        <source>time per request</source>
        <translation>每请求耗时</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>weights: %1</source>
        <translation>权重：%1</translation>
    </message>
    <message>
        <source>lost: %1 %2</source>
        <translation>损失：%1 %2</translation>
    </message>
    <message>
        <source>perplexity: %1</source>
        <translation>困惑度：%1</translation>
    </message>
</context>
<context>
    <name>WhyView</name>
    <message>
        <source>Finding out where the difference comes from</source>
        <translation>正在查找差异的来源</translation>
    </message>
    <message>
        <source>Where does the difference come from?</source>
        <translation>差异从何而来？</translation>
    </message>
    <message>
        <source>Find out</source>
        <translation>查找原因</translation>
    </message>
    <message>
        <source>Time every step too</source>
        <translation>同时为每一步计时</translation>
    </message>
    <message>
        <source>Builds every step&apos;s model for the run&apos;s runtime and times them in turn, which takes longer</source>
        <translation>为该次运行的运行时构建每一步的模型并轮流计时，耗时更长</translation>
    </message>
    <message>
        <source>Show what was found</source>
        <translation>显示已有结果</translation>
    </message>
    <message>
        <source>Keep this layer in higher precision</source>
        <translation>让此层保持更高精度</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Go to Pipeline</source>
        <translation>前往流程页</translation>
    </message>
    <message>
        <source>Find out again</source>
        <translation>重新查找</translation>
    </message>
    <message>
        <source>Layers and what they cost</source>
        <translation>各层及其代价</translation>
    </message>
    <message>
        <source>Choose a run above: the steps of its recipe and its layers are then examined.</source>
        <translation>请在上方选择一次运行：随后会检查其配方的各个步骤和各层。</translation>
    </message>
    <message>
        <source>Every step of “%1” is measured against the original, then each layer alone is set back to the original&apos;s weights. That takes minutes for a large model, and runs in the background.</source>
        <translation>先将“%1”的每一步与原模型对比测量，再逐层单独恢复为原权重。大模型需要几分钟，在后台进行。</translation>
    </message>
    <message>
        <source>No step moved the model away from its original.</source>
        <translation>没有任何步骤使模型偏离原模型。</translation>
    </message>
    <message>
        <source>“%1” costs most: %2 of %3 %4.</source>
        <translation>“%1”代价最大：占 %3 %4 中的 %2。</translation>
    </message>
    <message>
        <source>%1 matters most: restoring it alone wins back %2.</source>
        <translation>%1影响最大：仅恢复它即可挽回 %2。</translation>
    </message>
    <message>
        <source>The recipe in the pipeline rounds no weights</source>
        <translation>流程中的配方不对权重取整</translation>
    </message>
    <message>
        <source>Choose a layer in the table</source>
        <translation>请在表格中选择一层</translation>
    </message>
    <message>
        <source>This layer was dropped: it has no weights any more</source>
        <translation>此层已被删除，不再有权重</translation>
    </message>
    <message>
        <source>Leave it out of the quantization in the pipeline</source>
        <translation>在流程的量化步骤中排除它</translation>
    </message>
    <message>
        <source>%1 is left out of the quantization now. Run the recipe again to see what it gives.</source>
        <translation>%1已从量化中排除。请再次运行配方查看效果。</translation>
    </message>
    <message>
        <source>%1 is left out of the quantization already.</source>
        <translation>%1已经从量化中排除。</translation>
    </message>
</context>
<context>
    <name>_Layers</name>
    <message>
        <source>Embedding</source>
        <translation>嵌入</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>第 %1 层</translation>
    </message>
    <message>
        <source>dropped</source>
        <translation>已删除</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Own error</source>
        <translation>自身误差</translation>
    </message>
    <message>
        <source>How far its output is from the original&apos;s at this token, given what it is given there</source>
        <translation>给予与原模型相同的输入时，其输出在此词元处与原输出的差距</translation>
    </message>
    <message>
        <source>Accumulated</source>
        <translation>累积误差</translation>
    </message>
    <message>
        <source>The same, given what the layers before it make of the text now</source>
        <translation>同样的差距，但输入来自现在的前面各层</translation>
    </message>
    <message>
        <source>Grew by</source>
        <translation>增量</translation>
    </message>
    <message>
        <source>How much more the accumulated error is than before the layer</source>
        <translation>累积误差比此层之前增加了多少</translation>
    </message>
</context>
<context>
    <name>actions</name>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Open model folder…</source>
        <translation>打开模型文件夹…</translation>
    </message>
    <message>
        <source>Open &amp;GGUF file…</source>
        <translation>打开 GGUF 文件…</translation>
    </message>
    <message>
        <source>Open the &amp;sample model</source>
        <translation>打开示例模型</translation>
    </message>
    <message>
        <source>Open &amp;recipe…</source>
        <translation>打开配方…</translation>
    </message>
    <message>
        <source>&amp;Save recipe</source>
        <translation>保存配方</translation>
    </message>
    <message>
        <source>Save recipe &amp;as…</source>
        <translation>配方另存为…</translation>
    </message>
    <message>
        <source>S&amp;ettings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>&amp;Add a pass…</source>
        <translation>添加步骤…</translation>
    </message>
    <message>
        <source>Copy recipe as &amp;YAML</source>
        <translation>将配方复制为 YAML</translation>
    </message>
    <message>
        <source>Copy recipe as &amp;command line</source>
        <translation>将配方复制为命令行</translation>
    </message>
    <message>
        <source>Copy recipe as &amp;Python</source>
        <translation>将配方复制为 Python</translation>
    </message>
    <message>
        <source>C&amp;lear the recipe</source>
        <translation>清空配方</translation>
    </message>
    <message>
        <source>&amp;Run the recipe</source>
        <translation>运行配方</translation>
    </message>
    <message>
        <source>&amp;Profile the model</source>
        <translation>剖析模型</translation>
    </message>
    <message>
        <source>&amp;Close the model</source>
        <translation>关闭模型</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>开始</translation>
    </message>
    <message>
        <source>&amp;Checkpoint</source>
        <translation>检查点</translation>
    </message>
    <message>
        <source>&amp;Pipeline</source>
        <translation>流水线</translation>
    </message>
    <message>
        <source>&amp;Run progress</source>
        <translation>运行进度</translation>
    </message>
    <message>
        <source>C&amp;ompare</source>
        <translation>对比</translation>
    </message>
    <message>
        <source>&amp;History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>Co&amp;mmand palette…</source>
        <translation>命令面板…</translation>
    </message>
    <message>
        <source>Switch &amp;light and dark</source>
        <translation>切换浅色/深色</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>全屏</translation>
    </message>
    <message>
        <source>&amp;About Hasten</source>
        <translation>关于 Hasten</translation>
    </message>
</context>
<context>
    <name>blocks</name>
    <message>
        <source>Block</source>
        <translation>模块</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>格式</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数量</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Share of the weights</source>
        <translation>权重占比</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>第 %1 层</translation>
    </message>
</context>
<context>
    <name>engine</name>
    <message>
        <source>Drop layers</source>
        <translation>层剪枝</translation>
    </message>
    <message>
        <source>Calibration text</source>
        <translation>校准文本</translation>
    </message>
    <message>
        <source>A .txt or .jsonl file like what the model will be used for; left empty, the built-in English text is shown.</source>
        <translation>与模型用途相近的 .txt 或 .jsonl 文件；留空则使用内置英文文本。</translation>
    </message>
    <message>
        <source>Text (*.txt *.jsonl)</source>
        <translation>文本 (*.txt *.jsonl)</translation>
    </message>
    <message>
        <source>Samples</source>
        <translation>样本数</translation>
    </message>
    <message>
        <source>More samples measure more surely and take longer.</source>
        <translation>样本越多，测量越可靠，耗时也越长。</translation>
    </message>
    <message>
        <source>windows</source>
        <translation>段</translation>
    </message>
    <message>
        <source>Length of a sample</source>
        <translation>样本长度</translation>
    </message>
    <message>
        <source>Tokens in each sample.</source>
        <translation>每个样本的词元数。</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>个词元</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>The same seed picks the same samples.</source>
        <translation>种子相同，选取的样本也相同。</translation>
    </message>
    <message>
        <source>Layers to drop</source>
        <translation>移除层数</translation>
    </message>
    <message>
        <source>Drop exactly these</source>
        <translation>指定要移除的层</translation>
    </message>
    <message>
        <source>Numbers of layers, counted from 0, such as “20, 21, 25-27”; left empty, they are found by measuring.</source>
        <translation>层的编号，从 0 开始，例如“20, 21, 25-27”；留空则通过测量找出。</translation>
    </message>
    <message>
        <source>Keep the first</source>
        <translation>保留开头</translation>
    </message>
    <message>
        <source>Layers at the beginning that always stay.</source>
        <translation>开头始终保留的层数。</translation>
    </message>
    <message>
        <source>layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Keep the last</source>
        <translation>保留末尾</translation>
    </message>
    <message>
        <source>Layers at the end that always stay.</source>
        <translation>末尾始终保留的层数。</translation>
    </message>
    <message>
        <source>Prune weights</source>
        <translation>权重剪枝</translation>
    </message>
    <message>
        <source>Weights set to zero</source>
        <translation>稀疏度</translation>
    </message>
    <message>
        <source>%</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Structure</source>
        <translation>稀疏结构</translation>
    </message>
    <message>
        <source>free</source>
        <translation>自由</translation>
    </message>
    <message>
        <source>n:m</source>
        <translation>n:m</translation>
    </message>
    <message>
        <source>Compare within</source>
        <translation>比较范围</translation>
    </message>
    <message>
        <source>“layer” removes the same share of every layer; “global” takes the smallest weights of the whole model.</source>
        <translation>“逐层”在每层移除相同比例；“全局”移除整个模型中最小的权重。</translation>
    </message>
    <message>
        <source>layer</source>
        <translation>逐层</translation>
    </message>
    <message>
        <source>global</source>
        <translation>全局</translation>
    </message>
    <message>
        <source>Kept of each group (n)</source>
        <translation>每组保留数 (n)</translation>
    </message>
    <message>
        <source>Weights that stay in every group of m.</source>
        <translation>每 m 个一组中保留的权重数。</translation>
    </message>
    <message>
        <source>Group (m)</source>
        <translation>每组大小 (m)</translation>
    </message>
    <message>
        <source>Neighbouring weights of a row that form a group.</source>
        <translation>同一行中组成一组的相邻权重数。</translation>
    </message>
    <message>
        <source>Only these layers</source>
        <translation>仅限这些层</translation>
    </message>
    <message>
        <source>Patterns such as *.mlp.*; left empty, every linear layer of every block is pruned.</source>
        <translation>匹配模式，例如 *.mlp.*；留空则对所有模块的全部线性层剪枝。</translation>
    </message>
    <message>
        <source>Leave out</source>
        <translation>排除</translation>
    </message>
    <message>
        <source>Patterns of layers that stay as they are.</source>
        <translation>保持不变的层的匹配模式。</translation>
    </message>
    <message>
        <source>Number format</source>
        <translation>数值格式</translation>
    </message>
    <message>
        <source>Stores and computes in 16 bits where that is safe, which halves the bytes that each token reads.</source>
        <translation>在安全之处以 16 位存储和计算，每个词元读取的字节数减半。</translation>
    </message>
    <message>
        <source>bfloat16 keeps the range of float32 and halves the size; float16 is finer but overflows beyond 65,504.</source>
        <translation>bfloat16 保留 float32 的范围而大小减半；float16 更精细，但超过 65,504 会溢出。</translation>
    </message>
    <message>
        <source>bfloat16</source>
        <translation>bfloat16</translation>
    </message>
    <message>
        <source>float16</source>
        <translation>float16</translation>
    </message>
    <message>
        <source>float32</source>
        <translation>float32</translation>
    </message>
    <message>
        <source>Keep overflowing modules in float32</source>
        <translation>溢出的模块保留 float32</translation>
    </message>
    <message>
        <source>Finds the modules whose weights or activations do not fit float16 and leaves them in float32.</source>
        <translation>找出权重或激活值超出 float16 范围的模块，并保留为 float32。</translation>
    </message>
    <message>
        <source>Keep in float32</source>
        <translation>保留 float32</translation>
    </message>
    <message>
        <source>Patterns of modules that stay in float32, such as *norm*.</source>
        <translation>保留 float32 的模块的匹配模式，例如 *norm*。</translation>
    </message>
    <message>
        <source>Use bfloat16 for</source>
        <translation>使用 bfloat16</translation>
    </message>
    <message>
        <source>Patterns of modules stored in bfloat16.</source>
        <translation>以 bfloat16 存储的模块的匹配模式。</translation>
    </message>
    <message>
        <source>Use float16 for</source>
        <translation>使用 float16</translation>
    </message>
    <message>
        <source>Patterns of modules stored in float16.</source>
        <translation>以 float16 存储的模块的匹配模式。</translation>
    </message>
    <message>
        <source>Smooth</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>Evens out what layers are given, and their weights make up for it: 8-bit kernels then round less away.</source>
        <translation>让各层得到的输入更均匀，由权重作出补偿：8 位内核因舍入而丢失的就更少。</translation>
    </message>
    <message>
        <source>Strength</source>
        <translation>强度</translation>
    </message>
    <message>
        <source>How much of the activations&apos; unevenness moves into the weights: 0 none of it, 1 all of it.</source>
        <translation>激活值的不均匀有多少转移到权重中：0 表示完全不转移，1 表示全部转移。</translation>
    </message>
    <message>
        <source>Quantize</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>Rounds weights to 8 or 4 bits, so that each token reads a quarter or an eighth of the bytes.</source>
        <translation>将权重量化为 8 位或 4 位，每个词元只需读取四分之一或八分之一的字节。</translation>
    </message>
    <message>
        <source>Bits</source>
        <translation>位宽</translation>
    </message>
    <message>
        <source>8 bits keep the answers almost unchanged; 4 bits halve the size again and cost some quality.</source>
        <translation>8 位几乎不改变回答；4 位大小再减半，但会损失一些质量。</translation>
    </message>
    <message>
        <source>8</source>
        <translation>8</translation>
    </message>
    <message>
        <source>4</source>
        <translation>4</translation>
    </message>
    <message>
        <source>Weights per scale</source>
        <translation>分组大小</translation>
    </message>
    <message>
        <source>How many weights share one scale: smaller groups are more accurate and a little larger; “row” is one per row.</source>
        <translation>多少个权重共用一个缩放因子：分组越小越精确，体积略大；“按行”为每行一个。</translation>
    </message>
    <message>
        <source>row</source>
        <translation>按行</translation>
    </message>
    <message>
        <source>16</source>
        <translation>16</translation>
    </message>
    <message>
        <source>32</source>
        <translation>32</translation>
    </message>
    <message>
        <source>64</source>
        <translation>64</translation>
    </message>
    <message>
        <source>128</source>
        <translation>128</translation>
    </message>
    <message>
        <source>Symmetric</source>
        <translation>对称量化</translation>
    </message>
    <message>
        <source>Centre the integers on zero; switched off, each group also stores an offset, which helps most at 4 bits.</source>
        <translation>整数以零为中心；关闭后每组另存一个零点，在 4 位时帮助最大。</translation>
    </message>
    <message>
        <source>Offsets</source>
        <translation>偏移</translation>
    </message>
    <message>
        <source>Of asymmetric groups: integers, which most runtimes hold, or numbers of their own, closer, for llama.cpp and OpenVINO; a head in 4 bits gets these too.</source>
        <translation>非对称分组的偏移：整数（多数运行时都支持），或更精确的独立浮点数（供 llama.cpp 和 OpenVINO 使用）；4 位的嵌入与输出头也使用后者。</translation>
    </message>
    <message>
        <source>integer</source>
        <translation>整数</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>Embedding and output head</source>
        <translation>嵌入与输出头</translation>
    </message>
    <message>
        <source>Bits for the vocabulary table, a large share of small models; “keep” leaves it as it is.</source>
        <translation>词表矩阵的位宽，它在小模型中占比很大；“保持”则不作改动。</translation>
    </message>
    <message>
        <source>keep</source>
        <translation>保持</translation>
    </message>
    <message>
        <source>Rounding</source>
        <translation>舍入方法</translation>
    </message>
    <message>
        <source>nearest</source>
        <translation>就近</translation>
    </message>
    <message>
        <source>clip</source>
        <translation>截断</translation>
    </message>
    <message>
        <source>gptq</source>
        <translation>gptq</translation>
    </message>
    <message>
        <source>Busiest inputs first</source>
        <translation>先处理活跃输入</translation>
    </message>
    <message>
        <source>Rounds the weights that meet the largest activations first, while the most others can make up for them.</source>
        <translation>先舍入遇到最大激活值的权重，此时能弥补其误差的权重最多。</translation>
    </message>
    <message>
        <source>Damping</source>
        <translation>阻尼</translation>
    </message>
    <message>
        <source>How little the calibration text is trusted: larger is safer when it is short or unlike the real use.</source>
        <translation>对校准文本的不信任程度：文本较短或与实际用途不符时，较大的值更稳妥。</translation>
    </message>
    <message>
        <source>Patterns such as *.mlp.*; left empty, every linear layer of every block is rounded.</source>
        <translation>匹配模式，例如 *.mlp.*；留空则量化所有模块的全部线性层。</translation>
    </message>
    <message>
        <source>Patterns of layers that stay in floating point, such as *.down_proj.</source>
        <translation>保留浮点的层的匹配模式，例如 *.down_proj。</translation>
    </message>
    <message>
        <source>Transformers</source>
        <translation>Transformers</translation>
    </message>
    <message>
        <source>The model as its authors published it, run by Transformers in its own precision: the baseline.</source>
        <translation>作者发布的原样模型，由 Transformers 以其自身精度运行：作为基线。</translation>
    </message>
    <message>
        <source>torch.compile</source>
        <translation>torch.compile</translation>
    </message>
    <message>
        <source>The Transformers model translated into fused machine code: a minute to open, then faster.</source>
        <translation>将 Transformers 模型编译为融合的机器码：打开约需一分钟，之后更快。</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>The number format to compute in; automatic keeps the checkpoint&apos;s own. bfloat16 halves the memory to read.</source>
        <translation>计算所用的数值格式；“自动”沿用检查点自身的格式。bfloat16 使内存读取量减半。</translation>
    </message>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>Keep integers</source>
        <translation>保留整数</translation>
    </message>
    <message>
        <source>Decode from the checkpoint&apos;s 8-bit weights instead of unpacking them; needs torchao, bfloat16, a scale a row.</source>
        <translation>直接用检查点的 8 位权重解码而不展开；需要 torchao、bfloat16 和每行一个缩放系数。</translation>
    </message>
    <message>
        <source>Longest text</source>
        <translation>最大文本长度</translation>
    </message>
    <message>
        <source>Mode</source>
        <translation>模式</translation>
    </message>
    <message>
        <source>reduce-overhead replays CUDA graphs; max-autotune tries many kernels and compiles much longer.</source>
        <translation>reduce-overhead 重放 CUDA 图；max-autotune 尝试多种内核，编译时间长得多。</translation>
    </message>
    <message>
        <source>default</source>
        <translation>默认</translation>
    </message>
    <message>
        <source>reduce-overhead</source>
        <translation>reduce-overhead</translation>
    </message>
    <message>
        <source>max-autotune</source>
        <translation>max-autotune</translation>
    </message>
    <message>
        <source>ONNX Runtime</source>
        <translation>ONNX Runtime</translation>
    </message>
    <message>
        <source>One fused graph with 8- or 4-bit weights: the fastest decoding on a CPU, small files, no torch needed.</source>
        <translation>使用 8 位或 4 位权重的融合计算图：CPU 上解码最快，文件小，无需 torch。</translation>
    </message>
    <message>
        <source>Accuracy of integer layers</source>
        <translation>整数层精度</translation>
    </message>
    <message>
        <source>Fast also rounds activations to 8 bits, exact does not; automatic is fast where that costs under 0.01 nats.</source>
        <translation>“快速”还会将激活值量化为 8 位，“精确”则不会；“自动”在损失小于 0.01 nat 时采用快速。</translation>
    </message>
    <message>
        <source>exact</source>
        <translation>精确</translation>
    </message>
    <message>
        <source>fast</source>
        <translation>快速</translation>
    </message>
    <message>
        <source>OpenVINO</source>
        <translation>OpenVINO</translation>
    </message>
    <message>
        <source>One graph with 8- or 4-bit weights for processors of Intel and AMD, and for Intel&apos;s GPU and NPU; OpenVINO GenAI opens decoders too.</source>
        <translation>一张带 8 位或 4 位权重的计算图，适用于 Intel 和 AMD 的处理器以及 Intel 的 GPU 和 NPU；解码器也能用 OpenVINO GenAI 打开。</translation>
    </message>
    <message>
        <source>Fast takes the quickest arithmetic, exact float32 throughout; automatic is fast where that costs under 0.01 nats.</source>
        <translation>“fast”用最快的运算，“exact”全程用 float32；“automatic”在损失低于 0.01 nats 时取最快。</translation>
    </message>
    <message>
        <source>Arithmetic</source>
        <translation>运算精度</translation>
    </message>
    <message>
        <source>Key-value cache</source>
        <translation>键值缓存</translation>
    </message>
    <message>
        <source>What keys and values of past tokens are kept in: fewer bits save memory in long texts; automatic is as exact as the arithmetic.</source>
        <translation>已处理词元的键和值以何种精度保存：位数少可在长文本中节省内存；“automatic”与运算精度一致。</translation>
    </message>
    <message>
        <source>32-bit</source>
        <translation>32 位</translation>
    </message>
    <message>
        <source>16-bit</source>
        <translation>16 位</translation>
    </message>
    <message>
        <source>8-bit</source>
        <translation>8 位</translation>
    </message>
    <message>
        <source>How many weights the two factors have, of the layer&apos;s own: fewer are less to read, and cost more quality.</source>
        <translation>两个因子的权重占该层原有权重的多少：越少则读取越少，质量损失也越大。</translation>
    </message>
    <message>
        <source>What activations are computed in; automatic is bfloat16 where the processor has it and it costs little, and float16 on Intel&apos;s GPU and NPU.</source>
        <translation>激活值用什么数制计算；自动表示：处理器支持且代价很小时用 bfloat16，在 Intel 的 GPU 和 NPU 上用 float16。</translation>
    </message>
    <message>
        <source>Flash computes attention in one fused step, plain in several; automatic measures both when it builds.</source>
        <translation>flash 用一个融合步骤计算注意力，plain 用多个步骤；automatic 在构建时实测两者。</translation>
    </message>
    <message>
        <source>TensorRT</source>
        <translation>TensorRT</translation>
    </message>
    <message>
        <source>An engine compiled for this machine&apos;s NVIDIA GPU, with 8- or 4-bit weights; minutes to build.</source>
        <translation>为本机 NVIDIA 显卡编译的引擎，权重为 8 或 4 位；构建需要几分钟。</translation>
    </message>
    <message>
        <source>The number format of the layers without integers; automatic keeps the checkpoint&apos;s own, layer by layer.</source>
        <translation>非整数层的数值格式；自动则逐层保留检查点自己的格式。</translation>
    </message>
    <message>
        <source>Texts at once</source>
        <translation>同时处理的文本数</translation>
    </message>
    <message>
        <source>The engine answers up to this many texts together.</source>
        <translation>引擎一次最多同时回答这么多文本。</translation>
    </message>
    <message>
        <source>Workspace</source>
        <translation>工作空间</translation>
    </message>
    <message>
        <source>Memory that TensorRT may try kernels with; 0 is all there is.</source>
        <translation>TensorRT 试用内核时可用的内存；0 表示全部。</translation>
    </message>
    <message>
        <source>MiB</source>
        <translation>MiB</translation>
    </message>
    <message>
        <source>Effort</source>
        <translation>优化力度</translation>
    </message>
    <message>
        <source>How long TensorRT looks for the fastest kernels; 5 takes much longer.</source>
        <translation>TensorRT 寻找最快内核所花的时间；5 会慢得多。</translation>
    </message>
    <message>
        <source>Exact on CPU</source>
        <translation>CPU 精确</translation>
    </message>
    <message>
        <source>The model as it is, in full precision, as one fused graph of ONNX Runtime: faster, and the same answers.</source>
        <translation>保持模型原样和全精度，转为 ONNX Runtime 的融合计算图：更快，回答不变。</translation>
    </message>
    <message>
        <source>Exact and guessing ahead on CPU</source>
        <translation>CPU 上精确并提前猜测</translation>
    </message>
    <message>
        <source>The original&apos;s own answers, sooner: its 8-bit copy guesses a few tokens ahead, and the original checks them at once.</source>
        <translation>原模型自己的回答，但更快：它的 8 位副本提前猜几个词元，由原模型一次核对。</translation>
    </message>
    <message>
        <source>Small on CPU</source>
        <translation>CPU 小体积</translation>
    </message>
    <message>
        <source>8-bit weights on ONNX Runtime. Answers stay almost unchanged; what a text repeats is guessed ahead.</source>
        <translation>8 位权重，由 ONNX Runtime 运行。回答几乎不变；文本中重复的内容会被预先猜测。</translation>
    </message>
    <message>
        <source>Small on CPU with llama.cpp</source>
        <translation>CPU 上的小模型（llama.cpp）</translation>
    </message>
    <message>
        <source>8-bit weights in one GGUF file on llama.cpp. Answers stay almost unchanged; repetitions are guessed ahead.</source>
        <translation>8 位权重存于一个 GGUF 文件，由 llama.cpp 运行。回答几乎不变；重复的内容会被预先猜测。</translation>
    </message>
    <message>
        <source>Small on CPU with OpenVINO</source>
        <translation>CPU 上的小模型（OpenVINO）</translation>
    </message>
    <message>
        <source>8-bit weights on OpenVINO. Answers stay almost unchanged; prompts are read soonest, so it suits encoders too.</source>
        <translation>8 位权重，由 OpenVINO 运行。回答几乎不变；读取提示最快，因此也适合编码器。</translation>
    </message>
    <message>
        <source>Generation speed</source>
        <translation>生成速度</translation>
    </message>
    <message>
        <source>How many tokens the model writes each second once it has begun; higher is faster.</source>
        <translation>模型开始生成后每秒输出的词元数；越高越快。</translation>
    </message>
    <message>
        <source>Time between tokens</source>
        <translation>词元间延迟</translation>
    </message>
    <message>
        <source>How long you wait for each further token while the answer is being written (inter-token latency).</source>
        <translation>生成回答时，每个后续词元的等待时间（词元间延迟）。</translation>
    </message>
    <message>
        <source>Between tokens, p90</source>
        <translation>词元间隔，p90</translation>
    </message>
    <message>
        <source>Nine of ten tokens come at least this quickly after the one before; over all rounds.</source>
        <translation>十个词元中有九个的间隔不超过此值；取自所有轮次。</translation>
    </message>
    <message>
        <source>Between tokens, p99</source>
        <translation>词元间隔，p99</translation>
    </message>
    <message>
        <source>99 of 100 tokens come at least this quickly after the one before; over all rounds.</source>
        <translation>100 个词元中有 99 个的间隔不超过此值；取自所有轮次。</translation>
    </message>
    <message>
        <source>Time to first token</source>
        <translation>首个词元延迟 (TTFT)</translation>
    </message>
    <message>
        <source>How long you wait until the first token of the answer appears (TTFT): mostly the time to read the prompt.</source>
        <translation>等待回答的首个词元出现的时间 (TTFT)：主要是读取提示词的时间。</translation>
    </message>
    <message>
        <source>Accepted guesses</source>
        <translation>猜中率</translation>
    </message>
    <message>
        <source>Reading speed</source>
        <translation>预填充速度</translation>
    </message>
    <message>
        <source>How many tokens of the prompt the model reads each second before it begins to answer (prefill).</source>
        <translation>模型开始回答之前，每秒读取的提示词词元数（预填充）。</translation>
    </message>
    <message>
        <source>Time per request</source>
        <translation>单个请求耗时</translation>
    </message>
    <message>
        <source>How long the model takes for one text.</source>
        <translation>模型处理一段文本所需的时间。</translation>
    </message>
    <message>
        <source>Requests per second</source>
        <translation>每秒请求数</translation>
    </message>
    <message>
        <source>How many requests all copies of the model together answer each second.</source>
        <translation>模型的所有副本每秒合计完成的请求数。</translation>
    </message>
    <message>
        <source>Peak memory</source>
        <translation>峰值内存</translation>
    </message>
    <message>
        <source>The most main memory that a fresh process takes to open the model and answer once, its libraries included.</source>
        <translation>全新进程打开模型并回答一次所占用的最大内存，包含其依赖库。</translation>
    </message>
    <message>
        <source>Peak GPU memory</source>
        <translation>峰值显存</translation>
    </message>
    <message>
        <source>The most GPU memory that a fresh process takes to open the model and answer once.</source>
        <translation>全新进程打开模型并回答一次所占用的最大显存。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重大小</translation>
    </message>
    <message>
        <source>Size of the weights that are read for every token, scales of quantised weights included.</source>
        <translation>每个词元需要读取的权重大小，包含量化权重的缩放因子。</translation>
    </message>
    <message>
        <source>Energy per token</source>
        <translation>每词元能耗</translation>
    </message>
    <message>
        <source>Joules that the processor (and the GPU) use for each written token, reading the prompt included; other programs&apos; work counts as well.</source>
        <translation>处理器（和 GPU）每写一个词元所用的焦耳数，包括读取提示；其他程序的工作也计算在内。</translation>
    </message>
    <message>
        <source>Tokens per joule</source>
        <translation>每焦耳词元数</translation>
    </message>
    <message>
        <source>How many tokens a joule buys: the inverse of the energy per token.</source>
        <translation>一焦耳能写多少词元：每词元能耗的倒数。</translation>
    </message>
    <message>
        <source>Cost of a million tokens</source>
        <translation>百万词元成本</translation>
    </message>
    <message>
        <source>What a million written tokens cost at the machine&apos;s price per hour, one request at a time; in the currency of that price, which is set in Settings.</source>
        <translation>按机器每小时价格、一次一个请求计算，写一百万个词元的成本；货币与“设置”中所填价格相同。</translation>
    </message>
    <message>
        <source>Perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <source>KL divergence</source>
        <translation>KL 散度</translation>
    </message>
    <message>
        <source>How far the predicted probabilities moved away from the original model&apos;s, averaged over the text; 0 means unchanged.</source>
        <translation>预测概率相对原模型的偏离程度，按文本取平均；0 表示不变。</translation>
    </message>
    <message>
        <source>Same first choice</source>
        <translation>首选一致率</translation>
    </message>
    <message>
        <source>How often the model&apos;s most probable choice is the one the original would have made.</source>
        <translation>模型概率最高的选择与原模型一致的比例。</translation>
    </message>
    <message>
        <source>Same first five</source>
        <translation>前五选一致率</translation>
    </message>
    <message>
        <source>How many of the five words that the original finds most probable are among the model&apos;s own five, on average.</source>
        <translation>原模型认为最可能的五个词中，平均有多少也在该模型的前五个之中。</translation>
    </message>
    <message>
        <source>Squared error of logits</source>
        <translation>logits 均方误差</translation>
    </message>
    <message>
        <source>Mean squared difference between the raw scores (logits) that both models give every word of the vocabulary; 0 means unchanged.</source>
        <translation>两个模型给词表中每个词的原始得分（logits）之差的平方均值；0 表示没有变化。</translation>
    </message>
    <message>
        <source>Tokens until the answers part</source>
        <translation>回答分岔前的词元数</translation>
    </message>
    <message>
        <source>How many tokens of an answer are the original&apos;s own before the first that is not: the median over the prompts. An answer that never parts counts with its whole length.</source>
        <translation>回答中第一个与原模型不同的词元之前有多少个词元：取各提示词的中位数。始终不分岔的回答按其全长计算。</translation>
    </message>
    <message>
        <source>Questions answered rightly</source>
        <translation>答对的问题</translation>
    </message>
    <message>
        <source>The share of your own questions that get the expected answer.</source>
        <translation>您自己的问题中得到期望答案的比例。</translation>
    </message>
    <message>
        <source>Embedding agreement</source>
        <translation>嵌入一致度</translation>
    </message>
    <message>
        <source>How well the embeddings point where the original&apos;s point: the mean cosine between both; 1 means the same direction.</source>
        <translation>嵌入向量与原模型方向的吻合程度：两者余弦的平均值；1 表示方向相同。</translation>
    </message>
    <message>
        <source>Nearest texts kept</source>
        <translation>保留的最近文本</translation>
    </message>
    <message>
        <source>How many of each text&apos;s five nearest texts are the same as with the original&apos;s embeddings: what a search by meaning would still find.</source>
        <translation>每个文本最近的五个文本中，有多少与用原模型嵌入时相同：即按语义搜索仍能找到的部分。</translation>
    </message>
    <message>
        <source>Correlation with people</source>
        <translation>与人工评分的相关性</translation>
    </message>
    <message>
        <source>How well the similarities of sentence pairs rank like people&apos;s scores (Spearman&apos;s correlation on the chosen data set); 1 is perfect.</source>
        <translation>句对相似度的排序与人工评分的吻合程度（在所选数据集上的斯皮尔曼相关系数）；1 为完全一致。</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>准确率</translation>
    </message>
    <message>
        <source>The share of the data set&apos;s texts that get the right label.</source>
        <translation>数据集中得到正确标签的文本比例。</translation>
    </message>
    <message>
        <source>Checkpoint</source>
        <translation>检查点</translation>
    </message>
    <message>
        <source>A folder that plain Transformers loads: integer weights stay packed where it can read them, else dense.</source>
        <translation>原版 Transformers 可加载的文件夹：能读取时保留打包的整数权重，否则写为稠密权重。</translation>
    </message>
    <message>
        <source>Dense checkpoint</source>
        <translation>稠密检查点</translation>
    </message>
    <message>
        <source>The same model with every weight as a plain number, for programs that know no packed weights.</source>
        <translation>同一模型，所有权重都写成普通数值，供不支持打包权重的程序使用。</translation>
    </message>
    <message>
        <source>Built model</source>
        <translation>构建好的模型</translation>
    </message>
    <message>
        <source>The folder that the runtime opens; for ONNX Runtime with a script that needs neither Hasten nor torch.</source>
        <translation>运行时打开的文件夹；对 ONNX Runtime 还附带无需 Hasten 和 torch 的脚本。</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>配方</translation>
    </message>
    <message>
        <source>The steps and their options as a YAML file that Hasten opens and a person can read.</source>
        <translation>以 YAML 文件保存步骤及其选项，Hasten 可打开，人也能读懂。</translation>
    </message>
    <message>
        <source>Python script</source>
        <translation>Python 脚本</translation>
    </message>
    <message>
        <source>A script that makes the same run again without the window.</source>
        <translation>无需窗口即可重做同一次运行的脚本。</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>One HTML page with what was done and what was measured, to read in any browser or send on.</source>
        <translation>一个 HTML 页面，记录做了什么、测得什么，可用任何浏览器阅读或转发。</translation>
    </message>
    <message>
        <source>text-generation</source>
        <translation>文本生成</translation>
    </message>
    <message>
        <source>text2text-generation</source>
        <translation>文本到文本生成</translation>
    </message>
    <message>
        <source>feature-extraction</source>
        <translation>特征提取</translation>
    </message>
    <message>
        <source>text-classification</source>
        <translation>文本分类</translation>
    </message>
    <message>
        <source>fill-mask</source>
        <translation>掩码填充</translation>
    </message>
    <message>
        <source>Token embedding</source>
        <translation>词元嵌入</translation>
    </message>
    <message>
        <source>Position embedding</source>
        <translation>位置嵌入</translation>
    </message>
    <message>
        <source>Embeddings</source>
        <translation>嵌入层</translation>
    </message>
    <message>
        <source>Segment embedding</source>
        <translation>段嵌入</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Encoder</source>
        <translation>编码器</translation>
    </message>
    <message>
        <source>Decoder</source>
        <translation>解码器</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>Feed-forward</source>
        <translation>前馈网络</translation>
    </message>
    <message>
        <source>Query</source>
        <translation>查询 (Q)</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>键 (K)</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>值 (V)</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Query, key, value</source>
        <translation>查询、键、值 (QKV)</translation>
    </message>
    <message>
        <source>Gate</source>
        <translation>门控</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>升维</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>降维</translation>
    </message>
    <message>
        <source>Gate, up</source>
        <translation>门控与升维</translation>
    </message>
    <message>
        <source>Intermediate</source>
        <translation>中间层</translation>
    </message>
    <message>
        <source>Dense</source>
        <translation>全连接层</translation>
    </message>
    <message>
        <source>Experts</source>
        <translation>专家</translation>
    </message>
    <message>
        <source>Norm before attention</source>
        <translation>注意力前归一化</translation>
    </message>
    <message>
        <source>Norm before feed-forward</source>
        <translation>前馈前归一化</translation>
    </message>
    <message>
        <source>Final norm</source>
        <translation>末层归一化</translation>
    </message>
    <message>
        <source>Norm</source>
        <translation>归一化</translation>
    </message>
    <message>
        <source>Query norm</source>
        <translation>查询归一化</translation>
    </message>
    <message>
        <source>Key norm</source>
        <translation>键归一化</translation>
    </message>
    <message>
        <source>Output head</source>
        <translation>输出头</translation>
    </message>
    <message>
        <source>Pooler</source>
        <translation>池化层</translation>
    </message>
    <message>
        <source>Classifier</source>
        <translation>分类头</translation>
    </message>
    <message>
        <source>A GGUF file is converted to a checkpoint folder before it is run.</source>
        <translation>GGUF 文件会先转换为检查点文件夹再运行。</translation>
    </message>
    <message>
        <source>The checkpoint brings Python code of its own, which is not run.</source>
        <translation>该检查点自带 Python 代码，代码不会被执行。</translation>
    </message>
    <message>
        <source>The checkpoint brings Python code of its own, which is run because you allowed it.</source>
        <translation>该检查点自带 Python 代码；因为您已允许，代码会被执行。</translation>
    </message>
    <message>
        <source>It is a mixture of experts, which can be inspected but not run.</source>
        <translation>这是混合专家模型 (MoE)，可以查看，但不能运行。</translation>
    </message>
    <message>
        <source>The folder holds no tokenizer, so the model cannot read or write text.</source>
        <translation>文件夹中没有分词器，模型无法读写文本。</translation>
    </message>
    <message>
        <source>The weights are integers already: choose the number format before quantising.</source>
        <translation>权重已经是整数：请在量化之前选择数值格式。</translation>
    </message>
    <message>
        <source>Plain Transformers knows one number format: it will load this mixture exactly, but all in float32.</source>
        <translation>原版 Transformers 只支持单一数值格式：它会准确加载这种混合格式，但全部转为 float32。</translation>
    </message>
    <message>
        <source>The model is in float32 already: this step changes nothing.</source>
        <translation>模型已经是 float32：此步骤不会改变任何内容。</translation>
    </message>
    <message>
        <source>Remove this pass</source>
        <translation>移除此步骤</translation>
    </message>
    <message>
        <source>Remove the patterns</source>
        <translation>移除匹配模式</translation>
    </message>
    <message>
        <source>Find them by measuring</source>
        <translation>通过测量找出</translation>
    </message>
    <message>
        <source>The weights are integers already: layers can be dropped only before that.</source>
        <translation>权重已经是整数：只能在量化之前移除层。</translation>
    </message>
    <message>
        <source>At least one layer must go and one must stay.</source>
        <translation>至少要移除一层，也至少要保留一层。</translation>
    </message>
    <message>
        <source>Use 2:4</source>
        <translation>使用 2:4</translation>
    </message>
    <message>
        <source>Choose all layers</source>
        <translation>选择所有层</translation>
    </message>
    <message>
        <source>No layer is chosen.</source>
        <translation>没有选中任何层。</translation>
    </message>
    <message>
        <source>Leave them as they are</source>
        <translation>保持原样</translation>
    </message>
    <message>
        <source>Embedding and output head are on integers already.</source>
        <translation>嵌入与输出头已经是整数。</translation>
    </message>
    <message>
        <source>Several grids of which one is asymmetric load in Hasten only; an export is written in floating point.</source>
        <translation>多种量化网格中有一种不对称时，只有 Hasten 能加载；导出时会写成浮点。</translation>
    </message>
    <message>
        <source>Make this one symmetric</source>
        <translation>将此项改为对称</translation>
    </message>
    <message>
        <source>Leave it empty</source>
        <translation>留空</translation>
    </message>
    <message>
        <source>Leave it to Hasten</source>
        <translation>交给 Hasten 决定</translation>
    </message>
    <message>
        <source>Use the CPU</source>
        <translation>使用 CPU</translation>
    </message>
    <message>
        <source>Remove this one</source>
        <translation>移除此项</translation>
    </message>
    <message>
        <source>onnxruntime is not installed.</source>
        <translation>未安装 onnxruntime。</translation>
    </message>
    <message>
        <source>Run “python3 start.py setup”, or “pip install hasten[cpu]” (hasten[cuda] on NVIDIA machines).</source>
        <translation>请运行“python3 start.py setup”或“pip install hasten[cpu]”（NVIDIA 机器用 hasten[cuda]）。</translation>
    </message>
    <message>
        <source>Use Transformers</source>
        <translation>使用 Transformers</translation>
    </message>
    <message>
        <source>Choose automatically</source>
        <translation>自动选择</translation>
    </message>
    <message>
        <source>ONNX Runtime keeps a model on one GPU.</source>
        <translation>ONNX Runtime 只能把模型放在一块 GPU 上。</translation>
    </message>
    <message>
        <source>ONNX Runtime has no quick exact kernel for 8-bit weights: decoding will be very slow.</source>
        <translation>ONNX Runtime 没有针对 8 位权重的快速精确内核：解码会非常慢。</translation>
    </message>
    <message>
        <source>On a CPU, ONNX Runtime widens 16-bit weights to 32 bits: quantise them instead.</source>
        <translation>在 CPU 上，ONNX Runtime 会把 16 位权重扩展为 32 位：建议改用量化。</translation>
    </message>
    <message>
        <source>ONNX Runtime cannot hold shared or low-rank layers.</source>
        <translation>ONNX Runtime 不支持共享层或低秩层。</translation>
    </message>
    <message>
        <source>Do not split</source>
        <translation>不拆分</translation>
    </message>
    <message>
        <source>What keys and values of past tokens are kept in: 8-bit takes a quarter of the memory and is read more quickly, for a little accuracy; automatic takes it where fast integer layers could not guess ahead otherwise.</source>
        <translation>以何种格式保存已有词元的键和值：8 位只占四分之一的内存，读取更快，精度略有损失；自动：在快速整数层否则无法预先猜测时使用 8 位。</translation>
    </message>
    <message>
        <source>What keys and values are kept in: f32 rounds nothing, q8_0 takes half of f16&apos;s memory, which long texts need; automatic is f16, or f32 where guessing ahead needs it.</source>
        <translation>键和值的保存格式：f32 不做舍入，q8_0 只占 f16 一半的内存，适合长文本；自动为 f16，在预先猜测需要时为 f32。</translation>
    </message>
    <message>
        <source>Keep the cache in floating point</source>
        <translation>缓存保留浮点</translation>
    </message>
    <message>
        <source>Choose the cache automatically</source>
        <translation>自动选择缓存</translation>
    </message>
    <message>
        <source>ONNX Runtime keeps keys and values in 8 bits for decoders only.</source>
        <translation>ONNX Runtime 只对解码器以 8 位保存键和值。</translation>
    </message>
    <message>
        <source>ONNX Runtime keeps keys and values in 8 bits on the CPU only.</source>
        <translation>ONNX Runtime 只在 CPU 上以 8 位保存键和值。</translation>
    </message>
    <message>
        <source>ONNX Runtime&apos;s quick kernels read integer offsets only.</source>
        <translation>ONNX Runtime 的快速内核只支持整数偏移。</translation>
    </message>
    <message>
        <source>Report as PDF</source>
        <translation>PDF 报告</translation>
    </message>
    <message>
        <source>The same pages to print or to send on, charts as lines; printed by the browser that is installed here.</source>
        <translation>同样的页面，可打印或转发，图表为矢量；由本机安装的浏览器打印。</translation>
    </message>
    <message>
        <source>A row for each measurement of each model and each shape of request, with unit, interval and sample count.</source>
        <translation>每个模型的每项测量、每种请求形状各占一行，附单位、区间和样本数。</translation>
    </message>
    <message>
        <source>TensorBoard event files</source>
        <translation>TensorBoard 事件文件</translation>
    </message>
    <message>
        <source>A folder that TensorBoard opens: every model&apos;s rounds, tokens and memory as curves, figures and settings.</source>
        <translation>可用 TensorBoard 打开的文件夹：每个模型的各轮、各 token 与内存曲线，以及数据和设置。</translation>
    </message>
    <message>
        <source>Weights &amp; Biases, offline</source>
        <translation>Weights &amp; Biases（离线）</translation>
    </message>
    <message>
        <source>The same as offline runs. Nothing is sent: “wandb sync” does that, if and when you want it.</source>
        <translation>同样的内容，保存为离线运行。不发送任何数据：需要时由您用 “wandb sync” 发送。</translation>
    </message>
    <message>
        <source>GPT-Neo counts its positions from the end of the cache, which no exported graph can.</source>
        <translation>GPT-Neo 从缓存末尾计算位置，导出的计算图无法做到。</translation>
    </message>
    <message>
        <source>MPT&apos;s position biases have a length that no exported graph can know.</source>
        <translation>MPT 的位置偏置长度是导出的计算图无法得知的。</translation>
    </message>
    <message>
        <source>ONNX Runtime keeps keys and values in 8 bits in fused graphs only.</source>
        <translation>ONNX Runtime 只在融合的计算图中以 8 位保存键和值。</translation>
    </message>
    <message>
        <source>ONNX Runtime has no graph for an encoder that is the checkpoint&apos;s own code.</source>
        <translation>编码器由检查点自带的代码定义时，ONNX Runtime 没有对应的计算图。</translation>
    </message>
    <message>
        <source>ONNX Runtime lacks the bfloat16 kernels that Falcon with ALiBi takes.</source>
        <translation>ONNX Runtime 缺少带 ALiBi 的 Falcon 所需的 bfloat16 内核。</translation>
    </message>
    <message>
        <source>This decoder has no fused graph: Transformers&apos; exporter writes a plain one, which takes longer to build.</source>
        <translation>此解码器没有融合的计算图：由 Transformers 的导出器写出普通计算图，构建耗时更长。</translation>
    </message>
    <message>
        <source>Transformers&apos; exporter has not been tried on this architecture: it may refuse, and what it writes is kept only if it computes what the original does.</source>
        <translation>尚未在此架构上试过 Transformers 的导出器：它可能会拒绝；写出的结果只有与原模型计算一致时才会保留。</translation>
    </message>
    <message>
        <source>openvino is not installed.</source>
        <translation>未安装 openvino。</translation>
    </message>
    <message>
        <source>Run “python3 start.py setup”, or “pip install hasten[cpu]”.</source>
        <translation>运行“python3 start.py setup”，或“pip install hasten[cpu]”。</translation>
    </message>
    <message>
        <source>OpenVINO keeps a model in one place.</source>
        <translation>OpenVINO 只能把模型放在一处。</translation>
    </message>
    <message>
        <source>This processor has no bfloat16 arithmetic: it will compute in float32.</source>
        <translation>此处理器不支持 bfloat16 运算：将以 float32 计算。</translation>
    </message>
    <message>
        <source>Exact arithmetic is float32; with bfloat16 chosen, activations are rounded to it all the same.</source>
        <translation>精确运算是 float32；选择了 bfloat16 时，激活值仍会按它舍入。</translation>
    </message>
    <message>
        <source>Zeros speed up no target, as they are computed too; the export “Compact checkpoint” omits them.</source>
        <translation>零也要参与计算，因此不会使任何目标变快；导出为“紧凑检查点”时会省去零。</translation>
    </message>
    <message>
        <source>On CUDA, a decoder without a fused graph keeps its weights in 32 bits: quantise them, or use TensorRT.</source>
        <translation>在 CUDA 上，没有融合图的解码器把权重保存为 32 位：请量化它们，或者使用 TensorRT。</translation>
    </message>
    <message>
        <source>Keep 16 bits</source>
        <translation>保留 16 位</translation>
    </message>
    <message>
        <source>Quantise symmetrically, with one scale a row</source>
        <translation>对称量化，每行一个缩放系数</translation>
    </message>
    <message>
        <source>An Intel GPU computes in float16 or float32, not in bfloat16.</source>
        <translation>Intel GPU 用 float16 或 float32 计算，不用 bfloat16。</translation>
    </message>
    <message>
        <source>On an Intel GPU, an encoder-decoder&apos;s keys and values cannot be kept in 8 bits.</source>
        <translation>在 Intel GPU 上，编码器-解码器的键和值不能保存为 8 位。</translation>
    </message>
    <message>
        <source>An NPU&apos;s programs have fixed sizes; an encoder-decoder&apos;s answer grows.</source>
        <translation>NPU 的程序大小固定；而编码器-解码器的回答会不断变长。</translation>
    </message>
    <message>
        <source>An NPU appends one token at a time: guesses cannot be checked together.</source>
        <translation>NPU 一次只追加一个词元：无法一起检查多个猜测。</translation>
    </message>
    <message>
        <source>An NPU computes in float16 and keeps its cache in it: there is nothing to choose.</source>
        <translation>NPU 用 float16 计算，缓存也用 float16：没有可选的余地。</translation>
    </message>
    <message>
        <source>NPUs are made for symmetric integers with a scale for a row or for 128 weights: others may be slow.</source>
        <translation>NPU 适合对称整数，每行或每 128 个权重一个缩放系数：其他形式可能较慢。</translation>
    </message>
    <message>
        <source>OpenVINO cannot hold shared or low-rank layers.</source>
        <translation>OpenVINO 不支持共享层或低秩层。</translation>
    </message>
    <message>
        <source>Use float32</source>
        <translation>使用 float32</translation>
    </message>
    <message>
        <source>OpenVINO has no graph for an architecture that is the checkpoint&apos;s own code.</source>
        <translation>架构由检查点自带的代码定义时，OpenVINO 没有对应的计算图。</translation>
    </message>
    <message>
        <source>OpenVINO&apos;s graph cannot hold this kind of OPT, which projects its embedding.</source>
        <translation>OpenVINO 的计算图不支持这种对嵌入做投影的 OPT。</translation>
    </message>
    <message>
        <source>tensorrt is not installed.</source>
        <translation>未安装 tensorrt。</translation>
    </message>
    <message>
        <source>On a machine with an NVIDIA GPU, run “pip install hasten[tensorrt]”.</source>
        <translation>在装有 NVIDIA 显卡的机器上运行“pip install hasten[tensorrt]”。</translation>
    </message>
    <message>
        <source>no NVIDIA GPU was found that torch computes on.</source>
        <translation>未找到 torch 可用的 NVIDIA 显卡。</translation>
    </message>
    <message>
        <source>Use a machine with an NVIDIA GPU, or choose another runtime.</source>
        <translation>请使用装有 NVIDIA 显卡的机器，或选择其他运行时。</translation>
    </message>
    <message>
        <source>TensorRT computes on NVIDIA GPUs only.</source>
        <translation>TensorRT 只在 NVIDIA 显卡上运行。</translation>
    </message>
    <message>
        <source>TensorRT keeps a model on one GPU.</source>
        <translation>TensorRT 将模型放在一块显卡上。</translation>
    </message>
    <message>
        <source>TensorRT is not built from shared or low-rank layers here.</source>
        <translation>此处不能用共享层或低秩层构建 TensorRT。</translation>
    </message>
    <message>
        <source>TensorRT&apos;s weight-only kernels are for 4 bits: it may unpack 8-bit weights while it builds.</source>
        <translation>TensorRT 的仅权重量化内核针对 4 位：构建时可能会展开 8 位权重。</translation>
    </message>
    <message>
        <source>Use CUDA</source>
        <translation>使用 CUDA</translation>
    </message>
    <message>
        <source>TensorRT is not built from an architecture that is the checkpoint&apos;s own code.</source>
        <translation>架构由检查点自带代码定义时，不能构建 TensorRT。</translation>
    </message>
    <message>
        <source>Unpack the integers</source>
        <translation>展开整数</translation>
    </message>
    <message>
        <source>Python&apos;s header files are missing.</source>
        <translation>缺少 Python 头文件。</translation>
    </message>
    <message>
        <source>Install them: “sudo apt install python3-dev” on Debian and Ubuntu.</source>
        <translation>请安装：在 Debian 和 Ubuntu 上运行“sudo apt install python3-dev”。</translation>
    </message>
    <message>
        <source>reduce-overhead works through CUDA graphs and changes nothing on the CPU.</source>
        <translation>reduce-overhead 依靠 CUDA 图，在 CPU 上不起作用。</translation>
    </message>
    <message>
        <source>Keeping integers needs torchao: run “pip install hasten[torchao]”.</source>
        <translation>保留整数需要 torchao：请运行“pip install hasten[torchao]”。</translation>
    </message>
    <message>
        <source>Keeping integers is for models that continue texts.</source>
        <translation>保留整数只适用于续写文本的模型。</translation>
    </message>
    <message>
        <source>The compiler&apos;s kernel for 8-bit weights computes in bfloat16.</source>
        <translation>编译器的 8 位权重内核以 bfloat16 计算。</translation>
    </message>
    <message>
        <source>Use the default mode</source>
        <translation>使用默认模式</translation>
    </message>
    <message>
        <source>Use bfloat16</source>
        <translation>使用 bfloat16</translation>
    </message>
    <message>
        <source>Quantise with one scale a row</source>
        <translation>每行一个缩放系数进行量化</translation>
    </message>
    <message>
        <source>Run “python3 start.py setup”.</source>
        <translation>请运行“python3 start.py setup”。</translation>
    </message>
    <message>
        <source>Splitting layers over GPUs needs the device CUDA.</source>
        <translation>多 GPU 拆分需要将设备设为 CUDA。</translation>
    </message>
    <message>
        <source>Use ONNX Runtime</source>
        <translation>使用 ONNX Runtime</translation>
    </message>
    <message>
        <source>llama.cpp</source>
        <translation>llama.cpp</translation>
    </message>
    <message>
        <source>Removes the layers that the model misses least: every token then takes fewer steps.</source>
        <translation>移除模型最不需要的层：每个词元经过的步骤更少。</translation>
    </message>
    <message>
        <source>How many layers are removed.</source>
        <translation>移除多少层。</translation>
    </message>
    <message>
        <source>Judge layers by</source>
        <translation>评判各层的依据</translation>
    </message>
    <message>
        <source>“influence”: how far each turns what the model holds of the text; “stretch”: the same over neighbours that go together; “perplexity”: how much worse the model predicts the text without it, which takes longer.</source>
        <translation>“影响”：各层在多大程度上改变模型对文本的表示；“连续区段”：对一起移除的相邻层整体作同样的衡量；“困惑度”：缺少该层时模型对文本的预测变差多少，耗时更长。</translation>
    </message>
    <message>
        <source>influence</source>
        <translation>影响</translation>
    </message>
    <message>
        <source>stretch</source>
        <translation>连续区段</translation>
    </message>
    <message>
        <source>perplexity</source>
        <translation>困惑度</translation>
    </message>
    <message>
        <source>Narrow layers</source>
        <translation>收窄层</translation>
    </message>
    <message>
        <source>Removes the inner neurons that add least, the same number in every layer, and adapts the rest.</source>
        <translation>移除贡献最小的内部神经元，每层数量相同，并调整其余部分。</translation>
    </message>
    <message>
        <source>Neurons to remove</source>
        <translation>移除的神经元</translation>
    </message>
    <message>
        <source>The share of each layer&apos;s inner neurons that is removed: those that add least to its answer.</source>
        <translation>每层移除的内部神经元所占比例：移除对该层输出贡献最小的那些。</translation>
    </message>
    <message>
        <source>In steps of</source>
        <translation>步长</translation>
    </message>
    <message>
        <source>What stays is a multiple of this, so that groups of a later rounding and processors&apos; registers fit.</source>
        <translation>保留的数量是它的倍数，以便与之后量化的分组和处理器寄存器对齐。</translation>
    </message>
    <message>
        <source>neurons</source>
        <translation>个神经元</translation>
    </message>
    <message>
        <source>Make up for what goes</source>
        <translation>弥补被移除的部分</translation>
    </message>
    <message>
        <source>Adapt the weights that read the rest, so that each layer answers as before as nearly as it can.</source>
        <translation>调整读取剩余部分的权重，使每一层的输出尽可能与原来一致。</translation>
    </message>
    <message>
        <source>How much weights that stay resist being adapted; more is safer when little text is shown.</source>
        <translation>保留的权重对调整的抵抗程度；校准文本较少时，取大一些更稳妥。</translation>
    </message>
    <message>
        <source>Remove heads</source>
        <translation>移除注意力头</translation>
    </message>
    <message>
        <source>Removes the attention heads that add least, the same number in every layer, and adapts the rest.</source>
        <translation>移除贡献最小的注意力头，每层数量相同，并调整其余部分。</translation>
    </message>
    <message>
        <source>Groups of heads to remove</source>
        <translation>移除的头组数</translation>
    </message>
    <message>
        <source>How many go from each layer: a group is a head of keys and values with all query heads that read it.</source>
        <translation>每层移除多少组：一组是一个键值头以及读取它的所有查询头。</translation>
    </message>
    <message>
        <source>Cut vocabulary</source>
        <translation>缩减词表</translation>
    </message>
    <message>
        <source>Leaves out tokens that your texts do not use: their rows of the embedding and the output head go.</source>
        <translation>去掉您的文本用不到的词元：它们在嵌入层和输出层中对应的行会被删除。</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>A .txt or .jsonl file like what the model will read and write: its tokens stay; left empty, the built-in English text is read.</source>
        <translation>一个 .txt 或 .jsonl 文件，内容与模型将要读写的文本相似：其中的词元会保留；留空则读取内置的英文文本。</translation>
    </message>
    <message>
        <source>Word list</source>
        <translation>词语列表</translation>
    </message>
    <message>
        <source>A text file with one word a line, all of which stay whole.</source>
        <translation>每行一个词的文本文件，其中的词都保持完整。</translation>
    </message>
    <message>
        <source>Text (*.txt)</source>
        <translation>文本 (*.txt)</translation>
    </message>
    <message>
        <source>Tokens to keep</source>
        <translation>保留的词元数</translation>
    </message>
    <message>
        <source>The most used tokens of the text stay, then those that are common everywhere; “automatic” keeps exactly those that the text uses.</source>
        <translation>先保留文本中用得最多的词元，再保留普遍常用的词元；“自动”只保留文本用到的那些。</translation>
    </message>
    <message>
        <source>Used at least</source>
        <translation>至少使用</translation>
    </message>
    <message>
        <source>Tokens that the text uses less often count as unused.</source>
        <translation>文本中使用次数少于此值的词元视为未使用。</translation>
    </message>
    <message>
        <source>times</source>
        <translation>次</translation>
    </message>
    <message>
        <source>Round up to a multiple of</source>
        <translation>向上取整到此数的倍数</translation>
    </message>
    <message>
        <source>Processors handle such sizes faster.</source>
        <translation>处理器处理这样的大小更快。</translation>
    </message>
    <message>
        <source>Sets the least important weights to zero, freely or in a fixed pattern such as 2:4.</source>
        <translation>将最不重要的权重置零，可自由选取，也可按 2:4 等固定模式。</translation>
    </message>
    <message>
        <source>Method</source>
        <translation>方法</translation>
    </message>
    <message>
        <source>“magnitude” needs no text; “wanda” and “sparsegpt” let the model read one and keep what its answers need, and “sparsegpt” also adjusts the weights that stay.</source>
        <translation>“幅值”不需要文本；“wanda”和“sparsegpt”让模型阅读一段文本，保留其回答所需的权重，“sparsegpt”还会调整留下的权重。</translation>
    </message>
    <message>
        <source>magnitude</source>
        <translation>幅值</translation>
    </message>
    <message>
        <source>wanda</source>
        <translation>wanda</translation>
    </message>
    <message>
        <source>sparsegpt</source>
        <translation>sparsegpt</translation>
    </message>
    <message>
        <source>“free” removes the least important weights wherever they are; “n:m” keeps n of every m neighbours.</source>
        <translation>“自由”移除任意位置最不重要的权重；“n:m”在每 m 个相邻权重中保留 n 个。</translation>
    </message>
    <message>
        <source>The share of the weights that is removed.</source>
        <translation>被移除的权重所占比例。</translation>
    </message>
    <message>
        <source>“nearest” needs no text; the others let the model read one and round so that its answers change less; “autoround” learns how, which takes longest.</source>
        <translation>“就近”不需要文本；其他方法让模型阅读一段文本，使舍入对回答的改变更小；“autoround”通过学习来决定如何舍入，耗时最长。</translation>
    </message>
    <message>
        <source>awq</source>
        <translation>awq</translation>
    </message>
    <message>
        <source>autoround</source>
        <translation>autoround</translation>
    </message>
    <message>
        <source>Steps of learning</source>
        <translation>学习步数</translation>
    </message>
    <message>
        <source>How often each block&apos;s rounding is improved: more steps answer a little more closely and take longer.</source>
        <translation>每个模块的舍入方式改进多少次：步数越多，回答与原模型越接近，耗时也越长。</translation>
    </message>
    <message>
        <source>Prompt and answer together may be this long, in an encoder-decoder each; memory and time a token grow with it.</source>
        <translation>提示词与回答合计的最大长度（编码器-解码器模型则分别计算）；内存占用和每个词元的耗时随之增长。</translation>
    </message>
    <message>
        <source>One GGUF file with the same 8- or 4-bit weights, which every program built on llama.cpp opens too.</source>
        <translation>一个 GGUF 文件，权重仍是同样的 8 位或 4 位整数，所有基于 llama.cpp 的程序都能打开。</translation>
    </message>
    <message>
        <source>f16</source>
        <translation>f16</translation>
    </message>
    <message>
        <source>f32</source>
        <translation>f32</translation>
    </message>
    <message>
        <source>q8_0</source>
        <translation>q8_0</translation>
    </message>
    <message>
        <source>flash</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>plain</source>
        <translation>普通</translation>
    </message>
    <message>
        <source>Low rank</source>
        <translation>低秩</translation>
    </message>
    <message>
        <source>Replaces each large matrix by two thin ones: fewer weights to store, to read and to multiply by.</source>
        <translation>用两个窄矩阵代替每个大矩阵：需要存储、读取和相乘的权重更少。</translation>
    </message>
    <message>
        <source>“by text” lets the model read one and keeps what its layers answer to it; “plain” needs no text and keeps what is largest in the weights.</source>
        <translation>“按文本”让模型读一段文本，保留各层对它的回答；“直接”不需要文本，保留权重中最大的部分。</translation>
    </message>
    <message>
        <source>by text</source>
        <translation>按文本</translation>
    </message>
    <message>
        <source>Budget</source>
        <translation>预算</translation>
    </message>
    <message>
        <source>“size” makes every layer smaller by the same share; “energy” cuts each as far as it loses little.</source>
        <translation>“大小”使每一层缩小相同的比例；“能量”在损失很小的范围内尽量缩小每一层。</translation>
    </message>
    <message>
        <source>size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>energy</source>
        <translation>能量</translation>
    </message>
    <message>
        <source>Weights kept</source>
        <translation>保留的权重</translation>
    </message>
    <message>
        <source>Energy kept</source>
        <translation>保留的能量</translation>
    </message>
    <message>
        <source>The share of each layer&apos;s squared answers (or, plain, weights) that is kept; what needs too much stays whole.</source>
        <translation>每层回答（“直接”时为权重）平方和中保留的比例；需要太多的层保持原样。</translation>
    </message>
    <message>
        <source>Ranks are multiples of this, so that groups of a later rounding and processors&apos; registers fit.</source>
        <translation>秩是它的倍数，以便适合之后取整的分组和处理器的寄存器。</translation>
    </message>
    <message>
        <source>columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>Patterns such as *.mlp.*; left empty, every linear layer of every block is meant.</source>
        <translation>形如 *.mlp.* 的模式；留空则为每个块的每个线性层。</translation>
    </message>
    <message>
        <source>Quantise with llama.cpp</source>
        <translation>用 llama.cpp 量化</translation>
    </message>
    <message>
        <source>Rounds a floating-point checkpoint by llama.cpp&apos;s own method instead of a Quantize pass.</source>
        <translation>用 llama.cpp 自己的方法对浮点检查点取整，代替量化步骤。</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>Q4_K_M</source>
        <translation>Q4_K_M</translation>
    </message>
    <message>
        <source>Q5_K_M</source>
        <translation>Q5_K_M</translation>
    </message>
    <message>
        <source>Q6_K</source>
        <translation>Q6_K</translation>
    </message>
    <message>
        <source>Prompt and answer together may be this long, in an encoder-decoder each.</source>
        <translation>提示词与回答合计的最大长度（编码器-解码器模型则分别计算）。</translation>
    </message>
    <message>
        <source>The configuration of an encoder-decoder cannot say that there are fewer heads of the same size.</source>
        <translation>编码器-解码器模型的配置无法表示“头的大小不变而数量更少”。</translation>
    </message>
    <message>
        <source>The configuration of such an encoder cannot say that there are fewer heads of the same size.</source>
        <translation>此类编码器的配置无法表示“头的大小不变而数量更少”。</translation>
    </message>
    <message>
        <source>With speculation: the share of the tokens guessed ahead that the model confirmed.</source>
        <translation>使用推测解码时：提前猜测的词元中被模型确认的比例。</translation>
    </message>
    <message>
        <source>Requests per second, under load</source>
        <translation>负载下每秒请求数</translation>
    </message>
    <message>
        <source>How many requests are answered each second when several clients send theirs at once.</source>
        <translation>多个客户端同时发送请求时，每秒回答多少个请求。</translation>
    </message>
    <message>
        <source>Response under load, p50</source>
        <translation>负载下响应，p50</translation>
    </message>
    <message>
        <source>Half of the requests of several clients at once begin to be answered within this time, waiting for their turn included: until the first token (TTFT), or of models that do not write until the answer.</source>
        <translation>多个客户端同时请求时，一半的请求在此时间内开始得到回答，排队等待计算在内：到第一个词元为止（TTFT）；不写文本的模型则到得出结果为止。</translation>
    </message>
    <message>
        <source>Response under load, p90</source>
        <translation>负载下响应，p90</translation>
    </message>
    <message>
        <source>Nine of ten requests of several clients at once begin to be answered within this time, waiting for their turn included.</source>
        <translation>多个客户端同时请求时，十个请求中有九个在此时间内开始得到回答，排队等待计算在内。</translation>
    </message>
    <message>
        <source>Response under load, p99</source>
        <translation>负载下响应，p99</translation>
    </message>
    <message>
        <source>99 of 100 requests of several clients at once begin to be answered within this time, waiting for their turn included.</source>
        <translation>多个客户端同时请求时，100 个请求中有 99 个在此时间内开始得到回答，排队等待计算在内。</translation>
    </message>
    <message>
        <source>Between tokens, under load</source>
        <translation>负载下词元间隔</translation>
    </message>
    <message>
        <source>The time from one token of an answer to the next when several clients send their requests at once: half come sooner.</source>
        <translation>多个客户端同时请求时，回答中一个词元到下一个词元的时间：一半更快。</translation>
    </message>
    <message>
        <source>How surprised the model is by real text: the number of words it hesitates between, on average. Lower is better; only models with the same tokenizer can be compared. Every token of a window of text but the first counts; llama-perplexity counts only the second half, so its figure is lower. For models that answer a text with another (T5), the text is the original&apos;s own answers.</source>
        <translation>模型对真实文本的意外程度：平均在多少个词之间犹豫。越低越好；仅分词器相同的模型可以比较。每段文本窗口中除第一个词元外都计入；llama-perplexity 只计后一半，因此其数值更低。对于以文本回答文本的模型（T5），所用文本是原始模型自己的回答。</translation>
    </message>
    <message>
        <source>BLEU</source>
        <translation>BLEU</translation>
    </message>
    <message>
        <source>How many runs of one to four words the answers share with your references, 0 to 100; usual for translations.</source>
        <translation>回答与您的参考文本有多少由一到四个词组成的共同片段，0 到 100；常用于翻译。</translation>
    </message>
    <message>
        <source>ROUGE-1</source>
        <translation>ROUGE-1</translation>
    </message>
    <message>
        <source>How far answers and your references share words, 0 to 1; usual for summaries.</source>
        <translation>回答与您的参考文本共有多少词，0 到 1；常用于摘要。</translation>
    </message>
    <message>
        <source>ROUGE-2</source>
        <translation>ROUGE-2</translation>
    </message>
    <message>
        <source>How far answers and your references share pairs of words, 0 to 1; usual for summaries.</source>
        <translation>回答与您的参考文本共有多少相邻词对，0 到 1；常用于摘要。</translation>
    </message>
    <message>
        <source>ROUGE-L</source>
        <translation>ROUGE-L</translation>
    </message>
    <message>
        <source>How far answers and your references share words in the same order, 0 to 1; usual for summaries.</source>
        <translation>回答与您的参考文本按相同顺序共有多少词，0 到 1；常用于摘要。</translation>
    </message>
    <message>
        <source>Word error rate</source>
        <translation>词错误率</translation>
    </message>
    <message>
        <source>Words to exchange, leave out or add until an answer is your reference, for each word of the reference.</source>
        <translation>要把回答变成您的参考文本，平均参考文本的每个词需要替换、删除或添加多少个词。</translation>
    </message>
    <message>
        <source>F1 score</source>
        <translation>F1 分数</translation>
    </message>
    <message>
        <source>Precision and recall in one number, averaged over the classes, so that rare classes count as much as frequent ones.</source>
        <translation>把精确率和召回率合为一个数，并对各类别取平均，使少见的类别与常见的同样重要。</translation>
    </message>
    <message>
        <source>Tag accuracy</source>
        <translation>标签准确率</translation>
    </message>
    <message>
        <source>The share of the data set&apos;s words that get the right tag.</source>
        <translation>数据集中得到正确标签的词所占的比例。</translation>
    </message>
    <message>
        <source>Entity F1</source>
        <translation>实体 F1</translation>
    </message>
    <message>
        <source>Precision and recall of the data set&apos;s names and the like in one number; one counts only when all its words and its kind are right.</source>
        <translation>把数据集中名称等实体的精确率和召回率合为一个数；只有所有词和类别都正确才算对。</translation>
    </message>
    <message>
        <source>Compact checkpoint (zeros left out)</source>
        <translation>紧凑检查点（省去零）</translation>
    </message>
    <message>
        <source>A folder for Hasten alone in which zeros take one bit each, without loss; opening it puts them back.</source>
        <translation>仅供 Hasten 使用的文件夹，每个零只占一位，没有损失；打开时会把零放回去。</translation>
    </message>
    <message>
        <source>GGUF file</source>
        <translation>GGUF 文件</translation>
    </message>
    <message>
        <source>One file for llama.cpp and its kin, tokenizer included: integer weights stay the same integers.</source>
        <translation>供 llama.cpp 及同类程序使用的单个文件，内含分词器：整数权重保持原样。</translation>
    </message>
    <message>
        <source>Exported program (.pt2)</source>
        <translation>导出的程序（.pt2）</translation>
    </message>
    <message>
        <source>One torch.export program with its tokenizer and an example: opens with torch alone, without Transformers.</source>
        <translation>一个 torch.export 程序，附分词器和示例：只需 torch 即可打开，无需 Transformers。</translation>
    </message>
    <message>
        <source>Compiled program (AOTInductor)</source>
        <translation>编译好的程序（AOTInductor）</translation>
    </message>
    <message>
        <source>The program as machine code for processors like this one: opens with torch alone and compiles nothing.</source>
        <translation>适用于同类处理器的机器码程序：只需 torch 即可打开，无需再编译。</translation>
    </message>
    <message>
        <source>ExecuTorch program (.pte)</source>
        <translation>ExecuTorch 程序（.pte）</translation>
    </message>
    <message>
        <source>For phones and small devices: a program for ExecuTorch, its matrix products on XNNPACK.</source>
        <translation>面向手机和小型设备：ExecuTorch 程序，矩阵乘法使用 XNNPACK。</translation>
    </message>
    <message>
        <source>Graph for Netron</source>
        <translation>供 Netron 查看的计算图</translation>
    </message>
    <message>
        <source>The graph as it was built and as its compiler runs it, in two small files without the weights.</source>
        <translation>构建时的图与编译器实际执行的图，两个不含权重的小文件。</translation>
    </message>
    <message>
        <source>Report as JSON</source>
        <translation>报告（JSON）</translation>
    </message>
    <message>
        <source>What the report says, for programs: stages, conditions, measurements with spread, answers, differences.</source>
        <translation>报告的全部内容，供程序读取：各阶段、条件、带离散度的测量值、回答、差异。</translation>
    </message>
    <message>
        <source>Measurements as CSV</source>
        <translation>测量值（CSV）</translation>
    </message>
    <message>
        <source>How it was timed</source>
        <translation>计时方式</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>负载</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>机器</translation>
    </message>
    <message>
        <source>Versions</source>
        <translation>版本</translation>
    </message>
    <message>
        <source>not measured: no counter can be read here</source>
        <translation>未测量：此处没有可读的计数器</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Prompt tokens</source>
        <translation>提示词元数</translation>
    </message>
    <message>
        <source>New tokens</source>
        <translation>新词元数</translation>
    </message>
    <message>
        <source>Requests at once</source>
        <translation>同时请求数</translation>
    </message>
    <message>
        <source>Requests a round</source>
        <translation>每轮请求数</translation>
    </message>
    <message>
        <source>Answers to warm up</source>
        <translation>预热回答数</translation>
    </message>
    <message>
        <source>Energy</source>
        <translation>能耗</translation>
    </message>
    <message>
        <source>Rounds</source>
        <translation>轮数</translation>
    </message>
    <message>
        <source>Why no more rounds</source>
        <translation>停止原因</translation>
    </message>
    <message>
        <source>In use before</source>
        <translation>之前的处理器占用</translation>
    </message>
    <message>
        <source>Load average</source>
        <translation>之前的平均负载</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>计时期间其他程序占用</translation>
    </message>
    <message>
        <source>Paused for other programs</source>
        <translation>因其他程序暂停</translation>
    </message>
    <message>
        <source>Taken by the host</source>
        <translation>计时期间被宿主机占用</translation>
    </message>
    <message>
        <source>Waiting for a processor</source>
        <translation>等待处理器</translation>
    </message>
    <message>
        <source>Disturbing</source>
        <translation>繁忙到影响测量</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>Cores</source>
        <translation>核心数</translation>
    </message>
    <message>
        <source>Last-level cache</source>
        <translation>末级缓存</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Clock at first</source>
        <translation>开始时的频率</translation>
    </message>
    <message>
        <source>Lowest clock</source>
        <translation>计时期间最低频率</translation>
    </message>
    <message>
        <source>Highest clock</source>
        <translation>计时期间最高频率</translation>
    </message>
    <message>
        <source>Clock governor</source>
        <translation>频率调节策略</translation>
    </message>
    <message>
        <source>Turbo allowed</source>
        <translation>允许睿频</translation>
    </message>
    <message>
        <source>Power source</source>
        <translation>电源</translation>
    </message>
    <message>
        <source>Virtual machine</source>
        <translation>虚拟机</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>GPU 0</source>
        <translation>GPU 0</translation>
    </message>
    <message>
        <source>GPU 1</source>
        <translation>GPU 1</translation>
    </message>
    <message>
        <source>GPU 2</source>
        <translation>GPU 2</translation>
    </message>
    <message>
        <source>GPU 3</source>
        <translation>GPU 3</translation>
    </message>
    <message>
        <source>GPU 4</source>
        <translation>GPU 4</translation>
    </message>
    <message>
        <source>GPU 5</source>
        <translation>GPU 5</translation>
    </message>
    <message>
        <source>GPU 6</source>
        <translation>GPU 6</translation>
    </message>
    <message>
        <source>GPU 7</source>
        <translation>GPU 7</translation>
    </message>
    <message>
        <source>GPU driver</source>
        <translation>GPU 驱动</translation>
    </message>
    <message>
        <source>Intel GPU</source>
        <translation>Intel GPU</translation>
    </message>
    <message>
        <source>Intel NPU</source>
        <translation>Intel NPU</translation>
    </message>
    <message>
        <source>as many as asked for</source>
        <translation>已达到指定的轮数</translation>
    </message>
    <message>
        <source>the result was sure enough</source>
        <translation>结果已足够确定</translation>
    </message>
    <message>
        <source>the time was used up</source>
        <translation>时间已用完</translation>
    </message>
    <message>
        <source>the most there can be</source>
        <translation>已达到轮数上限</translation>
    </message>
    <message>
        <source>An encoder-decoder is two programs with a cache between them, which this format does not hold.</source>
        <translation>编码器-解码器是两个程序，中间有缓存，此格式无法容纳。</translation>
    </message>
    <message>
        <source>This run has not been compared yet, so there are no figures to log.</source>
        <translation>这次运行尚未比较过，因此没有可记录的数据。</translation>
    </message>
    <message>
        <source>Measured apart from one another, not in turn: these figures say what each machine reached, not how sure a difference between machines is. So there is no verdict here.</source>
        <translation>各机器分别测量，而非轮流进行：这些数据说明每台机器达到了什么，不能说明机器之间的差异有多可靠。因此这里不作结论。</translation>
    </message>
    <message>
        <source>These are not of one checkpoint: its content differs.</source>
        <translation>它们并非来自同一检查点：内容不同。</translation>
    </message>
    <message>
        <source>These are not of one recipe: what was done to the checkpoint differs.</source>
        <translation>它们并非来自同一配方：对检查点所做的处理不同。</translation>
    </message>
    <message>
        <source>token-classification</source>
        <translation>词元分类</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>CUDA</source>
        <translation>CUDA</translation>
    </message>
    <message>
        <source>No Intel GPU was found on this machine.</source>
        <translation>在这台机器上没有找到 Intel GPU。</translation>
    </message>
    <message>
        <source>No Intel NPU was found on this machine.</source>
        <translation>在这台机器上没有找到 Intel NPU。</translation>
    </message>
    <message>
        <source>The processor became too hot and slowed itself down while the models were timed.</source>
        <translation>计时期间处理器过热，自行降低了速度。</translation>
    </message>
    <message>
        <source>The zeros of its weights are left out; they are put back before a run.</source>
        <translation>其权重中的零被省去，运行前会放回。</translation>
    </message>
    <message>
        <source>No step moved the model away from its original.</source>
        <translation>没有任何步骤使模型偏离原模型。</translation>
    </message>
    <message>
        <source>Both were computed in float32 from their checkpoints, without the runtime&apos;s own rounding.</source>
        <translation>两者均以 float32 按各自的检查点计算，不含运行时自身的舍入。</translation>
    </message>
    <message>
        <source>It is printed by Chromium, Chrome, Edge or Brave, and none of them is installed.</source>
        <translation>需要 Chromium、Chrome、Edge 或 Brave 来打印，但本机均未安装。</translation>
    </message>
    <message>
        <source>Install one of them, or export the report as HTML and print it from any browser.</source>
        <translation>请安装其中之一，或将报告导出为 HTML 后用任意浏览器打印。</translation>
    </message>
    <message>
        <source>The tokenizer frames a text with marks that llama.cpp does not put there by itself.</source>
        <translation>分词器会在文本前后加上标记，而 llama.cpp 不会自行添加。</translation>
    </message>
    <message>
        <source>SentencePiece would merge more than this tokenizer: llama.cpp may cut words differently.</source>
        <translation>SentencePiece 的合并会比该分词器更多：llama.cpp 可能以不同方式切词。</translation>
    </message>
    <message>
        <source>Keep 80 %</source>
        <translation>保留 80 %</translation>
    </message>
    <message>
        <source>Every layer is of low rank already.</source>
        <translation>每一层都已经是低秩的。</translation>
    </message>
    <message>
        <source>No layer is chosen that is not of low rank already.</source>
        <translation>选中的层都已经是低秩的。</translation>
    </message>
    <message>
        <source>In steps of 1</source>
        <translation>步长为 1</translation>
    </message>
    <message>
        <source>The weights are integers already: factors have to come before.</source>
        <translation>权重已经是整数：分解必须在此之前进行。</translation>
    </message>
    <message>
        <source>The weights are integers already: layers can be made narrower only before that.</source>
        <translation>权重已经是整数：只能在此之前收窄层。</translation>
    </message>
    <message>
        <source>Judge by influence</source>
        <translation>按影响评判</translation>
    </message>
    <message>
        <source>The layers are of low rank already: some can be dropped only before that.</source>
        <translation>各层已经是低秩的：只能在此之前删除层。</translation>
    </message>
    <message>
        <source>Only a model that writes text has a perplexity.</source>
        <translation>只有能写出文本的模型才有困惑度。</translation>
    </message>
    <message>
        <source>Its layers choose among experts, each with neurons of its own: the same number cannot be taken from all.</source>
        <translation>它的各层在多个专家之间选择，每个专家有自己的神经元：无法从所有专家中移除相同的数量。</translation>
    </message>
    <message>
        <source>How many tokens stay is known once the text has been read.</source>
        <translation>读完文本后才知道保留多少词元。</translation>
    </message>
    <message>
        <source>Make it asymmetric</source>
        <translation>改为非对称</translation>
    </message>
    <message>
        <source>Symmetric groups have no offsets.</source>
        <translation>对称分组没有偏移。</translation>
    </message>
    <message>
        <source>Do not speculate</source>
        <translation>不使用推测解码</translation>
    </message>
    <message>
        <source>Speculate by prompt lookup</source>
        <translation>用提示查找推测</translation>
    </message>
    <message>
        <source>No draft model is chosen.</source>
        <translation>尚未选择草稿模型。</translation>
    </message>
    <message>
        <source>Without a pass, the draft would be the original itself.</source>
        <translation>没有任何步骤时，草稿就是原模型本身。</translation>
    </message>
    <message>
        <source>llama-cpp-python is not installed.</source>
        <translation>未安装 llama-cpp-python。</translation>
    </message>
    <message>
        <source>Run “pip install hasten[llamacpp]”, which compiles it: that takes a C++ compiler and 15 minutes.</source>
        <translation>请运行“pip install hasten[llamacpp]”，它会进行编译：需要 C++ 编译器和大约 15 分钟。</translation>
    </message>
    <message>
        <source>Leave attention to llama.cpp</source>
        <translation>注意力由 llama.cpp 选择</translation>
    </message>
    <message>
        <source>llama.cpp runs on the CPU here.</source>
        <translation>llama.cpp 在这里只在 CPU 上运行。</translation>
    </message>
    <message>
        <source>The weights are integers already: llama.cpp would round them a second time.</source>
        <translation>权重已经是整数：llama.cpp 会再次取整。</translation>
    </message>
    <message>
        <source>Plain attention cannot read a cache in q8_0.</source>
        <translation>普通注意力无法读取 q8_0 格式的缓存。</translation>
    </message>
    <message>
        <source>Keep these integers</source>
        <translation>保留这些整数</translation>
    </message>
    <message>
        <source>Flash attention would round a cache in f32 to f16.</source>
        <translation>融合注意力会把 f32 的缓存舍入为 f16。</translation>
    </message>
    <message>
        <source>Keep the cache in f16</source>
        <translation>缓存保持 f16</translation>
    </message>
    <message>
        <source>Drop layers measures one stack of layers, and an encoder-decoder has two that need each other.</source>
        <translation>“层剪枝”只测量一叠层，而编码器-解码器模型有两叠相互依赖的层。</translation>
    </message>
    <message>
        <source>ONNX Runtime runs encoder-decoders on the CPU only.</source>
        <translation>ONNX Runtime 只在 CPU 上运行编码器-解码器模型。</translation>
    </message>
</context>
<context>
    <name>facts</name>
    <message>
        <source>Architecture</source>
        <translation>架构</translation>
    </message>
    <message>
        <source>The class that Transformers loads it with.</source>
        <translation>Transformers 加载它所用的类。</translation>
    </message>
    <message>
        <source>Task</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>What the model is for.</source>
        <translation>模型的用途。</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数量</translation>
    </message>
    <message>
        <source>Numbers that training found.</source>
        <translation>训练得到的数值个数。</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Bytes of all weights on disk.</source>
        <translation>磁盘上全部权重的字节数。</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>How the weights are stored, by share of the bytes.</source>
        <translation>权重的存储格式，按字节占比。</translation>
    </message>
    <message>
        <source>%1 layers, width %2</source>
        <translation>%1 层，宽度 %2</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>形状</translation>
    </message>
    <message>
        <source>Decoder or encoder layers, and the length of a token&apos;s vector.</source>
        <translation>解码器或编码器的层数，以及词元向量的长度。</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 个词元</translation>
    </message>
    <message>
        <source>%1, shared with the output head</source>
        <translation>%1，与输出头共享</translation>
    </message>
    <message>
        <source>Vocabulary</source>
        <translation>词表</translation>
    </message>
    <message>
        <source>Pieces of text that the model knows.</source>
        <translation>模型认识的文本片段数。</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>The longest text that it can attend to.</source>
        <translation>模型能处理的最长文本。</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可证</translation>
    </message>
    <message>
        <source>not stated</source>
        <translation>未注明</translation>
    </message>
    <message>
        <source>From the model card or licence file.</source>
        <translation>来自模型卡或许可证文件。</translation>
    </message>
    <message>
        <source>Fits in memory here</source>
        <translation>能否装入本机内存</translation>
    </message>
    <message>
        <source>Weights as stored, against the free memory now.</source>
        <translation>按存储大小计的权重，与当前可用内存比较。</translation>
    </message>
    <message>
        <source>yes, %1 of %2 free</source>
        <translation>能，需要 %1，可用 %2</translation>
    </message>
    <message>
        <source>no, %1 needed and %2 free</source>
        <translation>不能，需要 %1，可用 %2</translation>
    </message>
    <message>
        <source>per row</source>
        <translation>按行</translation>
    </message>
    <message>
        <source>groups of %1</source>
        <translation>每组 %1 个</translation>
    </message>
</context>
<context>
    <name>failures</name>
    <message>
        <source>Open Settings</source>
        <translation>打开设置</translation>
    </message>
    <message>
        <source>Choose another folder…</source>
        <translation>选择其他文件夹…</translation>
    </message>
    <message>
        <source>Convert it safely</source>
        <translation>安全转换</translation>
    </message>
    <message>
        <source>Trust this code…</source>
        <translation>信任这段代码…</translation>
    </message>
    <message>
        <source>Free space in History</source>
        <translation>在历史中释放空间</translation>
    </message>
    <message>
        <source>Change the pipeline</source>
        <translation>修改流水线</translation>
    </message>
    <message>
        <source>Run again</source>
        <translation>再次运行</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <source>This needs a change first</source>
        <translation>需要先作修改</translation>
    </message>
    <message>
        <source>This is not a model folder</source>
        <translation>这不是模型文件夹</translation>
    </message>
    <message>
        <source>A part of the weights is missing</source>
        <translation>缺少部分权重</translation>
    </message>
    <message>
        <source>A weight file is damaged</source>
        <translation>权重文件已损坏</translation>
    </message>
    <message>
        <source>These weights are in a format that can run code</source>
        <translation>这些权重的格式可能执行代码</translation>
    </message>
    <message>
        <source>This model brings its own program code</source>
        <translation>此模型自带程序代码</translation>
    </message>
    <message>
        <source>This architecture is not supported</source>
        <translation>不支持此架构</translation>
    </message>
    <message>
        <source>This kind of quantized model is not supported</source>
        <translation>不支持此类量化模型</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>磁盘已满</translation>
    </message>
    <message>
        <source>That place cannot be written</source>
        <translation>该位置无法写入</translation>
    </message>
    <message>
        <source>There is not enough memory</source>
        <translation>内存不足</translation>
    </message>
    <message>
        <source>The engine stopped in the middle of its work</source>
        <translation>引擎在工作途中停止</translation>
    </message>
    <message>
        <source>The recipe needs a correction</source>
        <translation>配方需要修正</translation>
    </message>
    <message>
        <source>These steps do not fit together</source>
        <translation>这些步骤不能组合</translation>
    </message>
    <message>
        <source>That runtime cannot be used here</source>
        <translation>该运行时无法在此使用</translation>
    </message>
    <message>
        <source>The network did not answer</source>
        <translation>网络没有响应</translation>
    </message>
    <message>
        <source>That could not be found</source>
        <translation>未能找到</translation>
    </message>
    <message>
        <source>Hasten made a mistake</source>
        <translation>Hasten 出错了</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
</context>
<context>
    <name>forms</name>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>one per line</source>
        <translation>每行一个</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>选择文件…</translation>
    </message>
</context>
<context>
    <name>numbers</name>
    <message>
        <source>exact</source>
        <translation>精确值</translation>
    </message>
    <message>
        <source>%1 to %2 (%3 % interval, %4 samples)</source>
        <translation>%1 至 %2（%3 % 区间，%4 个样本）</translation>
    </message>
    <message>
        <source>a second</source>
        <translation>1 秒</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>约剩 %1</translation>
    </message>
    <message>
        <source>today, %1</source>
        <translation>今天 %1</translation>
    </message>
    <message>
        <source>yesterday, %1</source>
        <translation>昨天 %1</translation>
    </message>
</context>
</TS>
