"""The special tokens and chat templates of the tiny models: each family's own form, as far as tests need it."""

MARKS = {
    "qwen3": [
        *("<|endoftext|>", "<|im_end|>", "<|im_start|>", "<think>", "</think>"),
        *("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    ],
    "llama": [
        *("<|end_of_text|>", "<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
        "<|python_tag|>",
    ],
    "deepseek": [
        *("<|pad|>", "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"),
        *("<think>", "</think>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>"),
        *("<｜tool▁call▁end｜>", "<｜tool▁sep｜>"),
    ],
}
"""Each family's special tokens: padding first, then the end of a turn."""

TEMPLATES = {
    "qwen3": (
        "{%- if tools %}<|im_start|>system\n"
        "{% if messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}"
        "Functions:\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}"
        'Call one as <tool_call>\n{"name": …, "arguments": …}\n</tool_call><|im_end|>\n{%- endif %}'
        "{%- for message in messages %}{%- if not (loop.first and tools and message.role == 'system') %}"
        "<|im_start|>{{ 'user' if message.role == 'tool' else message.role }}\n"
        "{%- if message.role == 'tool' %}<tool_response>\n{{ message.content }}\n</tool_response>"
        "{%- else %}{{ message.content or '' }}{%- endif %}"
        "{%- for call in message.tool_calls or [] %}<tool_call>\n{{ call.function | tojson }}\n</tool_call>{% endfor %}"
        "<|im_end|>\n{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}<|im_start|>assistant\n"
        "{%- if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
        "{%- else %}<think>\n{%- endif %}{%- endif %}"  # Qwen 3 opens its thinking itself, which noise does not
    ),
    "llama": (
        "<|begin_of_text|>{%- for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
        "{%- if tools and loop.last %}Functions: {{ tools | tojson }}\n{%- endif %}{{ message.content or '' }}"
        "{%- for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}<|eot_id|>{%- endfor %}"
        "{%- if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{%- endif %}"
    ),
    "deepseek": (
        "<｜begin▁of▁sentence｜>{%- for message in messages %}"
        "{%- if message.role == 'assistant' %}<｜Assistant｜>{{ message.content or '' }}<｜end▁of▁sentence｜>"
        "{%- elif message.role == 'user' %}<｜User｜>{{ message.content }}{%- else %}{{ message.content }}{%- endif %}"
        "{%- endfor %}{%- if add_generation_prompt %}<｜Assistant｜><think>\n{%- endif %}"
    ),
}
